"""Downloads from the public archive: retries, time-outs, mirrors.

The pause between attempts doubles, or is as long as the server asks for (Retry-After). Only the
hosts in the URLs are contacted; redirections are not followed.
"""

import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import requests
import urllib3
from urllib3.util.retry import Retry

from ssn3d.core.errors import StructureError
from ssn3d.structures.coordinates import is_gzipped
from ssn3d.structures.settings import ArchiveSettings

_RETRIED_STATUS = frozenset({408, 429, 500, 502, 503, 504})
_LONGEST_WAIT_TIMEOUTS = 10  # for a server that is very slow, or asks to wait
_LONGEST_PAUSE_S = 120.0
_NO_CONNECTION = "no connection"


@dataclass(frozen=True)
class Archive:
    """Settings of downloads, and the hosts found to be unreachable."""

    settings: ArchiveSettings
    backoff_s: float = 1.0
    """Pause before the first retry; doubled for each further one."""
    parallel: int = 4
    unreachable: set[str] = field(default_factory=set)
    """Hosts that refused a connection; not tried again."""


class _TransientError(Exception):
    """A fault that may not recur; `asked_wait_s` is the pause that the server asks for, or 0."""

    def __init__(self, fault: str, asked_wait_s: float = 0.0) -> None:
        super().__init__(fault)
        self.asked_wait_s = asked_wait_s


def download(archive: Archive, url: str) -> bytes:
    """Download a gzip file, with retries. Raises StructureError that names host and last fault."""
    host, settings = urlsplit(url).netloc, archive.settings
    fault = _TransientError(_NO_CONNECTION)
    for attempt in range(settings.retries + 1):
        if host in archive.unreachable:
            break
        try:
            return _download_once(url, host, settings.timeout_s)
        except _TransientError as error:
            fault = error
        if attempt == settings.retries:
            break
        if attempt > 0 and str(fault) == _NO_CONNECTION:
            archive.unreachable.add(host)
        elif fault.asked_wait_s > _LONGEST_WAIT_TIMEOUTS * settings.timeout_s:
            raise StructureError(f"{host}: {fault}, asks to wait {fault.asked_wait_s:.0f} s")
        else:
            pause_s = min(archive.backoff_s * 2**attempt, _LONGEST_PAUSE_S)
            time.sleep(fault.asked_wait_s or pause_s)
    raise StructureError(f"{host}: {fault}") from fault


def _download_once(url: str, host: str, timeout_s: float) -> bytes:
    """Download the bytes as stored. Raises _TransientError where another attempt may succeed."""
    try:
        data = _receive(url, host, timeout_s)
    except requests.exceptions.ConnectionError as error:
        reason = error.args[0] if error.args else None
        never = isinstance(reason, urllib3.exceptions.MaxRetryError)
        raise _TransientError(_NO_CONNECTION if never else "connection lost") from error
    except requests.exceptions.Timeout as error:
        raise _TransientError(f"no answer within {timeout_s:g} s") from error
    except requests.exceptions.RequestException as error:
        raise _TransientError(str(error)) from error
    except urllib3.exceptions.HTTPError as error:
        raise _TransientError("download interrupted") from error
    if not is_gzipped(data):
        what = "an HTML page" if data.lstrip().startswith(b"<") else "not a gzip file"
        raise StructureError(f"{host}: the response is {what}")
    return data


def _receive(url: str, host: str, timeout_s: float) -> bytes:
    """Receive a response, whatever encoding the server declares."""
    give_up = time.monotonic() + _LONGEST_WAIT_TIMEOUTS * timeout_s
    headers = {"Accept-Encoding": "identity"}
    with requests.get(
        url, timeout=timeout_s, stream=True, headers=headers, allow_redirects=False
    ) as response:
        if response.status_code in _RETRIED_STATUS:
            raise _TransientError(f"HTTP {response.status_code}", _asked_wait_s(response))
        if response.status_code != requests.codes.ok:
            raise StructureError(f"{host}: HTTP {response.status_code}")
        parts = []
        while part := response.raw.read1(1 << 16, decode_content=False):  # what has arrived
            parts.append(part)
            if time.monotonic() > give_up:
                raise _TransientError("too slow")
    return b"".join(parts)


def _asked_wait_s(response: requests.Response) -> float:
    """Pause that a server asks for (Retry-After: seconds or a date); 0 if it does not."""
    try:
        return Retry().parse_retry_after(response.headers.get("Retry-After", "0"))
    except urllib3.exceptions.InvalidHeader:
        return 0.0
