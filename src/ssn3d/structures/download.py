"""Downloads from the public archive, with patience: retries, time limits, mirrors.

Only the hosts that the URLs name are asked; redirections to others are not followed.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import requests
import urllib3

from ssn3d.errors import ConfigError, StructureError
from ssn3d.structures.coordinates import is_gzipped

_RETRIED_STATUS = frozenset({408, 429, 500, 502, 503, 504})
_SLOWEST_DOWNLOAD_TIMEOUTS = 10  # a server that trickles is given up after so many timeouts


@dataclass(frozen=True)
class Archive:
    """Where to download from, and how patiently."""

    urls: Sequence[str]
    """Templates with {ID}, {id} (lower case) and {mid} (its middle two letters), tried in order."""
    obsolete_urls: Sequence[str] = ()
    """The same for entries that were superseded; tried last."""
    timeout_s: float = 60.0
    retries: int = 4
    backoff_s: float = 1.0
    """Pause before the first retry; doubled for each further one."""
    parallel: int = 4
    unreachable: set[str] = field(default_factory=set)
    """Hosts that gave no connection, not asked again."""

    def __post_init__(self) -> None:
        """Raise ConfigError where a template is none."""
        for template in [*self.urls, *self.obsolete_urls]:
            try:
                url = urlsplit(entry_url(template, "1ABC"))
            except (AttributeError, KeyError, IndexError, ValueError):
                url = urlsplit("")
            if url.scheme not in {"http", "https"} or "1abc" not in url.path.lower():
                raise ConfigError(
                    f"structures.archive: {template!r} is not an http(s) URL with {{ID}} or {{id}} "
                    "(lower case), and perhaps {mid}"
                )


class _TransientError(Exception):
    """Trying again may help."""


def entry_url(template: str, pdb_id: str) -> str:
    """Fill in a URL template of `Archive`."""
    return template.format(ID=pdb_id, id=pdb_id.lower(), mid=pdb_id.lower()[1:3])


def download(archive: Archive, url: str) -> bytes:
    """Download a gzip file, with retries. Raises StructureError that names host and last fault."""
    host = urlsplit(url).netloc
    fault = "no connection"
    for attempt in range(archive.retries + 1):
        if host in archive.unreachable:
            break
        time.sleep(archive.backoff_s * 2 ** (attempt - 1) if attempt else 0)
        try:
            return _download_once(url, host, archive.timeout_s)
        except requests.exceptions.ConnectionError as error:
            reason = error.args[0] if error.args else None
            never_connected = isinstance(reason, urllib3.exceptions.MaxRetryError)
            fault = "no connection" if never_connected else "connection broken"
            if never_connected and attempt > 0:
                archive.unreachable.add(host)
        except requests.exceptions.Timeout:
            fault = f"no answer within {archive.timeout_s:g} s"
        except (_TransientError, requests.exceptions.RequestException) as error:
            fault = str(error)
        except urllib3.exceptions.HTTPError:
            fault = "download broken off"
    raise StructureError(f"{host}: {fault}")


def _download_once(url: str, host: str, timeout_s: float) -> bytes:
    """Download the bytes that the server stores, whatever encoding it declares them to be in."""
    give_up = time.monotonic() + _SLOWEST_DOWNLOAD_TIMEOUTS * timeout_s
    headers = {"Accept-Encoding": "identity"}
    with requests.get(
        url, timeout=timeout_s, stream=True, headers=headers, allow_redirects=False
    ) as response:
        if response.status_code in _RETRIED_STATUS:
            raise _TransientError(f"HTTP {response.status_code}")
        if response.status_code != requests.codes.ok:
            raise StructureError(f"{host}: HTTP {response.status_code}")
        parts = []
        while part := response.raw.read1(1 << 16, decode_content=False):  # what is there by now
            parts.append(part)
            if time.monotonic() > give_up:
                raise _TransientError("too slow")
    data = b"".join(parts)
    if not is_gzipped(data):
        what = "an HTML page" if data.lstrip().startswith(b"<") else "no gzip file"
        raise StructureError(f"{host}: gave {what} instead of the entry")
    return data
