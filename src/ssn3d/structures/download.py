"""Downloads from the public archive: retries, time-outs, mirrors.

urllib3's Retry counts the attempts and pauses between them for as long as the server asks
(Retry-After). We pass the faults to it, because it would not notice an interrupted download.
Only the hosts in the URLs are contacted; redirections are not followed.
"""

import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import requests
import urllib3
from urllib3.util.retry import Retry

from ssn3d.errors import StructureError
from ssn3d.structures.coordinates import is_gzipped
from ssn3d.structures.settings import ArchiveSettings

_RETRIED_STATUS = frozenset({408, 429, 500, 502, 503, 504})
_LONGEST_WAIT_TIMEOUTS = 10  # for a server that is very slow, or asks to wait


@dataclass(frozen=True)
class Archive:
    """Where to download from, how patiently, and what was learnt on the way."""

    settings: ArchiveSettings
    backoff_s: float = 1.0
    """Pause before the first retry; doubled for each further one."""
    parallel: int = 4
    unreachable: set[str] = field(default_factory=set)
    """Hosts that refused a connection; not tried again."""


class _TransientError(Exception):
    """A fault that may not recur."""

    def __init__(self, fault: str, response: requests.Response | None = None) -> None:
        """Keep the response, which may say when to retry."""
        super().__init__(fault)
        self.response = response


class _Patience(Retry):
    """Retries, with a pause before the first one too; it doubles for each further one."""

    def get_backoff_time(self) -> float:
        """Pause in seconds if the server asks for none."""
        return float(min(self.backoff_max, self.backoff_factor * 2 ** (len(self.history) - 1)))


def download(archive: Archive, url: str) -> bytes:
    """Download a gzip file, with retries. Raises StructureError that names host and last fault."""
    host, timeout_s = urlsplit(url).netloc, archive.settings.timeout_s
    retries: Retry = _Patience(archive.settings.retries, backoff_factor=archive.backoff_s)
    while host not in archive.unreachable:
        try:
            return _download_once(url, host, timeout_s)
        except requests.exceptions.ConnectionError as error:
            reason = error.args[0] if error.args else None
            never_connected = isinstance(reason, urllib3.exceptions.MaxRetryError)
            if never_connected and retries.history:
                archive.unreachable.add(host)
                break
            fault = _TransientError("no connection" if never_connected else "connection lost")
        except requests.exceptions.Timeout:
            fault = _TransientError(f"no answer within {timeout_s:g} s")
        except _TransientError as error:
            fault = error
        except requests.exceptions.RequestException as error:
            fault = _TransientError(str(error))
        except urllib3.exceptions.HTTPError:
            fault = _TransientError("download interrupted")
        retries = _pause(retries, fault, host, _LONGEST_WAIT_TIMEOUTS * timeout_s)
    raise StructureError(f"{host}: no connection")


def _pause(retries: Retry, fault: _TransientError, host: str, longest_s: float) -> Retry:
    """Wait before the next attempt. Raises StructureError if there is none left."""
    try:
        retries = retries.increment(error=fault)
    except urllib3.exceptions.MaxRetryError:
        raise StructureError(f"{host}: {fault}") from fault
    answer = fault.response.raw if fault.response is not None else None
    try:
        wait_s = (retries.get_retry_after(answer) if answer is not None else None) or 0.0
    except urllib3.exceptions.InvalidHeader:
        answer, wait_s = None, 0.0
    if wait_s > longest_s:
        raise StructureError(f"{host}: {fault}, asks to wait {wait_s:.0f} s") from fault
    retries.sleep(answer)
    return retries


def _download_once(url: str, host: str, timeout_s: float) -> bytes:
    """Download the bytes as stored, whatever encoding the server declares."""
    give_up = time.monotonic() + _LONGEST_WAIT_TIMEOUTS * timeout_s
    headers = {"Accept-Encoding": "identity"}
    with requests.get(
        url, timeout=timeout_s, stream=True, headers=headers, allow_redirects=False
    ) as response:
        if response.status_code in _RETRIED_STATUS:
            raise _TransientError(f"HTTP {response.status_code}", response)
        if response.status_code != requests.codes.ok:
            raise StructureError(f"{host}: HTTP {response.status_code}")
        parts = []
        while part := response.raw.read1(1 << 16, decode_content=False):  # what has arrived
            parts.append(part)
            if time.monotonic() > give_up:
                raise _TransientError("too slow")
    data = b"".join(parts)
    if not is_gzipped(data):
        what = "an HTML page" if data.lstrip().startswith(b"<") else "not a gzip file"
        raise StructureError(f"{host}: the response is {what}")
    return data
