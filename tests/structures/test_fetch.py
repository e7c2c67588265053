"""Downloads from an archive that misbehaves in every way; no damaged file is kept."""

import gzip
import hashlib
import threading
import time
from collections import Counter
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from synthetic_entries import cif_text, make_entry

from disks import little_room
from sections import changed, section
from ssn3d.core.errors import StructureError
from ssn3d.structures.download import Archive
from ssn3d.structures.fetch import cache_folder, fetch_entries, read_lock

TIMEOUT_S = 0.25  # for servers that never answer
PATIENT_S = 10.0  # for the others, on a busy machine
NOWHERE = "http://127.0.0.1:9/{ID}.cif.gz"  # the port of "discard", which is closed
SILENT = {"hangs", "stalls", "trickles"}


def entry_bytes(pdb_id="1ABC"):
    return cif_text(make_entry(entry_id=pdb_id)).encode()


def noise():
    return f"# {np.random.default_rng(0).bytes(100_000).hex()}\n"


WHAT_IS_SENT = {
    "good": lambda data: data,
    "other_compression": lambda data: gzip.compress(gzip.decompress(data), compresslevel=1),
    "revised": lambda data: gzip.compress(gzip.decompress(data) + b"# revised\n"),
    "large": lambda data: gzip.compress(gzip.decompress(data) + noise().encode()),
    "truncated_file": lambda data: data[: len(data) // 2],
    "html": lambda _: b"<!DOCTYPE html><html>Please log in</html>",
    "wrong_entry": lambda _: gzip.compress(entry_bytes("9XYZ")),
    "no_id": lambda _: gzip.compress(entry_bytes("XXXX")),
    "empty": lambda _: b"",
}
ASKS_TO_WAIT = {  # the first time
    "busy_for_a_second": (503, lambda: "1"),
    "busy_until": (503, lambda: formatdate(time.time() + 2, usegmt=True)),
    "busy_for_a_while": (503, lambda: "soon"),
    "busy_for_an_hour": (429, lambda: "3600"),
}


class MisbehavingArchive(ThreadingHTTPServer):
    """Serves /{behaviour}/{id}.cif.gz and counts the requests by path."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests = Counter()
        self.at_once = self.most_at_once = 0
        self.lock = threading.Lock()

    def url(self, behaviour):
        return f"http://127.0.0.1:{self.server_port}/{behaviour}/{{mid}}/{{id}}.cif.gz"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        with self.server.lock:
            self.server.requests[self.path] += 1
            self.server.at_once += 1
            self.server.most_at_once = max(self.server.most_at_once, self.server.at_once)
        _, behaviour, _, name = self.path.split("/")
        try:
            self.behave(behaviour, gzip.compress(entry_bytes(name[:4].upper())))
        except (BrokenPipeError, ConnectionResetError):
            pass  # the client has given up
        finally:
            with self.server.lock:
                self.server.at_once -= 1

    def behave(self, behaviour, data):
        if behaviour.isdigit():
            self.send(data, int(behaviour), Location="/good/ab/1abc.cif.gz")
        elif behaviour in WHAT_IS_SENT:
            self.send(WHAT_IS_SENT[behaviour](data), Content_Type="application/gzip")
        elif behaviour in ASKS_TO_WAIT:
            status, wait = ASKS_TO_WAIT[behaviour]
            self.send(data, status if self.is_first else 200, Retry_After=wait())
        else:
            getattr(self, behaviour)(data)

    @property
    def is_first(self):
        return self.server.requests[self.path] == 1

    def send(self, data, status=200, length=None, **headers):
        self.send_response(status)
        self.send_header("Content-Length", str(len(data) if length is None else length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)

    def encoded(self, data):
        self.send(data, Content_Encoding="gzip")

    def busy_twice(self, data):
        self.send(data, 503 if self.server.requests[self.path] <= 2 else 200)

    def truncated_transfer(self, data):
        self.send(data[: len(data) // 2], length=len(data))

    def breaks_once(self, data):
        self.send(data[: len(data) // 2] if self.is_first else data, length=len(data))

    def hangs(self, _data):
        time.sleep(4 * TIMEOUT_S)

    def stalls(self, data):
        self.send(data[:10], length=len(data))
        time.sleep(4 * TIMEOUT_S)

    def trickles(self, data):
        self.send(b"\x1f\x8b", length=len(data))
        for byte in data[2:]:
            self.wfile.write(bytes([byte]))
            self.wfile.flush()
            time.sleep(TIMEOUT_S / 5)

    def slow(self, data):
        time.sleep(0.1)
        self.send(data)

    def log_message(self, *_):
        pass


@pytest.fixture(name="server")
def give_server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with MisbehavingArchive() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(name="fetch")
def give_fetch(server, tmp_path):
    def fetch(*behaviours, ids=("1ABC",), obsolete=(), retries=1, backoff_s=0.01, **options):
        settings = changed(
            section("structures").archive,
            urls=[server.url(b) if "{" not in b else b for b in behaviours],
            obsolete_urls=[server.url(b) for b in obsolete],
            timeout_s=TIMEOUT_S if SILENT & {*behaviours} else PATIENT_S,
            retries=retries,
        )
        archive, folder = Archive(settings, backoff_s), tmp_path / "cache"
        return fetch_entries(ids, archive, folder, lock=tmp_path / "lock.tsv", **options)

    return fetch


@pytest.mark.parametrize(
    "behaviour", ["good", "encoded", "busy_twice", "breaks_once", "busy_for_a_while"]
)
def test_download_and_pin(server, fetch, tmp_path, behaviour):
    found = fetch(behaviour, retries=2)
    path = tmp_path / "cache" / "1ABC.cif.gz"
    assert found == {"1ABC": path}
    assert gzip.decompress(path.read_bytes()) == entry_bytes()
    digest = hashlib.sha256(entry_bytes()).hexdigest()
    assert (tmp_path / "lock.tsv").read_text() == f"pdb_id\tsha256\n1ABC\t{digest}\n"
    requests = server.requests.total()
    assert fetch(behaviour) == found
    assert server.requests.total() == requests


FAULTS = {
    "404": "HTTP 404",
    "403": "HTTP 403",
    "503": "HTTP 503",
    "302": "HTTP 302",  # redirections are not followed
    "busy_for_a_while": "HTTP 503",
    "truncated_file": "truncated or damaged gzip",
    "truncated_transfer": "interrupted",
    "html": "the response is an HTML page",
    "wrong_entry": "contains entry 9XYZ, not 1ABC",
    "no_id": "without an ID, not 1ABC",
    "empty": "the response is not a gzip file",
    "hangs": r"no answer within 0\.25 s",
    "stalls": "interrupted",
    "trickles": "too slow",
}


@pytest.mark.parametrize("behaviour", FAULTS)
def test_download_faults(fetch, tmp_path, behaviour):
    with pytest.raises(StructureError, match=FAULTS[behaviour]) as caught:
        fetch(behaviour, retries=0)
    message = str(caught.value)
    assert message.startswith("unavailable in the archive: 1ABC: 127.0.0.1:")
    assert all(way in message for way in ("'folder'", "allow_surrogates", str(tmp_path / "cache")))
    assert list(tmp_path.rglob("*")) == []


@pytest.mark.parametrize("behaviour", ["404", "hangs"])
def test_mirror_serves_after_fault(fetch, behaviour):
    assert fetch(behaviour, "good", retries=3 if behaviour in SILENT else 0)


def test_transient_faults_are_retried_later(server, fetch):
    for behaviour, attempts, least_s in (
        ("503", 3, 0.1 + 0.2), ("truncated_transfer", 3, 0.1 + 0.2), ("404", 1, 0)
    ):  # fmt: skip
        start = time.monotonic()
        with pytest.raises(StructureError):
            fetch(behaviour, retries=2, backoff_s=0.1)
        assert time.monotonic() - start > least_s
        assert server.requests[f"/{behaviour}/ab/1abc.cif.gz"] == attempts


@pytest.mark.parametrize("behaviour", ["busy_for_a_second", "busy_until"])
def test_retry_after_is_respected(server, fetch, behaviour):
    start = time.monotonic()
    assert fetch(behaviour, retries=1)  # its back-off is a hundredth of a second
    assert time.monotonic() - start >= 1
    assert server.requests.total() == 2


def test_retry_after_too_long(server, fetch):
    with pytest.raises(StructureError, match="HTTP 429, asks to wait 3600 s"):
        fetch("busy_for_an_hour", retries=3)
    assert server.requests.total() == 1
    server.requests.clear()
    assert fetch("busy_for_an_hour", "good", retries=3)
    assert server.requests.total() == 2


def test_no_network(fetch, monkeypatch):
    ids, pauses_s = [f"{i}ABC" for i in range(8)], []
    monkeypatch.setattr("time.sleep", pauses_s.append)
    with pytest.raises(StructureError, match="no connection") as caught:
        fetch(NOWHERE, ids=ids, retries=5)
    assert f"{', '.join(ids)}: 127.0.0.1" in str(caught.value)  # the same fault is reported once
    assert len(pauses_s) <= len(ids)  # a host that refuses connections is not asked for each
    assert fetch(NOWHERE, "good", ids=ids)


def test_obsolete_url_is_tried_last(server, fetch):
    found = fetch("404", ids=["2AWB"], obsolete=["good"])
    assert [path.split("/")[1] for path in server.requests] == ["404", "good"]
    found["2AWB"].unlink()
    with pytest.raises(StructureError, match=r"2AWB \(superseded by 4V4Q\): 127.*HTTP 404"):
        fetch("404", ids=["2AWB"], obsolete=["404"], superseded={"2AWB": "4V4Q"})


def test_allow_missing(fetch, tmp_path):
    (tmp_path / "cache").mkdir()
    kept = tmp_path / "cache" / "2XYZ.cif.gz"
    kept.write_bytes(gzip.compress(entry_bytes("2XYZ")))
    assert fetch("404", ids=["1ABC", "2XYZ"], allow_missing=True) == {"2XYZ": kept}
    assert read_lock(tmp_path / "lock.tsv").keys() == {"2XYZ"}


def test_mirrors_may_compress_differently(fetch, tmp_path):
    fetch("good")["1ABC"].unlink()
    assert fetch("other_compression")
    assert len(read_lock(tmp_path / "lock.tsv")) == 1


def test_revised_entry(fetch, tmp_path):
    fetch("good")["1ABC"].unlink()
    with pytest.raises(StructureError) as caught:
        fetch("revised", allow_missing=True)
    for text in (entry_bytes(), entry_bytes() + b"# revised\n"):
        assert hashlib.sha256(text).hexdigest() in str(caught.value)
    assert "lock.tsv" in str(caught.value)
    assert not (tmp_path / "cache" / "1ABC.cif.gz").exists()


@pytest.mark.parametrize("pinned", [True, False])
def test_damaged_cache_is_downloaded_again(fetch, tmp_path, pinned):
    path = fetch("good")["1ABC"]
    if not pinned:
        (tmp_path / "lock.tsv").unlink()
    path.write_bytes(path.read_bytes()[:-20])
    assert gzip.decompress(fetch("good")["1ABC"].read_bytes()) == entry_bytes()


def test_cached_file_differs_from_pin(fetch):
    path = fetch("good")["1ABC"]
    path.write_bytes(gzip.compress(entry_bytes() + b"# mine\n"))
    with pytest.raises(StructureError, match=r"not what .*lock\.tsv pins.*delete it"):
        fetch("404", allow_missing=True)
    assert gzip.decompress(fetch("good")["1ABC"].read_bytes()) == entry_bytes()


def test_lock_keeps_other_entries(fetch, tmp_path):
    (tmp_path / "lock.tsv").write_text(f"pdb_id\tsha256\n9XYZ\t{64 * '0'}\n")
    fetch("good", ids=["2XYZ", "1ABC"])
    assert list(read_lock(tmp_path / "lock.tsv")) == ["1ABC", "2XYZ", "9XYZ"]
    (tmp_path / "lock.tsv").write_text("not, a table\n1, 2\n")
    with pytest.raises(StructureError, match=r"lock\.tsv: line 2: .* not pdb_id and sha256"):
        fetch("good")


def test_disk_full(fetch, tmp_path):
    with little_room(50_000), pytest.raises(StructureError) as caught:
        fetch("large", allow_missing=True)
    assert "1ABC.cif.gz: cannot be written (File too large)" in str(caught.value)
    assert list((tmp_path / "cache").iterdir()) == []


def test_downloads_are_parallel(server, fetch):
    ids = [f"{i}A{j}B" for i in range(4) for j in range(3)]
    assert list(fetch("slow", ids=ids)) == ids
    assert 1 < server.most_at_once <= 4


def test_cache_folder(monkeypatch, tmp_path):
    monkeypatch.delenv("SSN3D_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "ssn3d" / "structures"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "ssn3d" / "structures"
    monkeypatch.setenv("SSN3D_CACHE", str(tmp_path / "mine"))
    assert cache_folder() == tmp_path / "mine" / "structures"
