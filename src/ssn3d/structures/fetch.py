"""Entries of the public archive as mmCIF files, downloaded once and verified.

A file is kept only if it is complete, parses, and holds the requested entry. The SHA-256 of its
uncompressed text (mirrors compress differently) is pinned in a lock file on the first download and
checked from then on.
"""

import hashlib
import os
import re
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

from ssn3d.core.errors import StructureError, WriteError
from ssn3d.core.log import logger, progress
from ssn3d.io.delimited import read_tsv
from ssn3d.io.files import PathLike, atomic_path, write_text
from ssn3d.structures.coordinates import check_entry_id, file_content, gunzip, parse_entry
from ssn3d.structures.download import Archive, download
from ssn3d.structures.ids import PDB_ID
from ssn3d.structures.settings import entry_url


class _UnavailableError(StructureError):
    """No URL served the entry; the message gives the reason, without the ID."""


def cache_folder() -> Path:
    """Return $SSN3D_CACHE/structures, or ssn3d/structures in $XDG_CACHE_HOME or ~/.cache."""
    if os.environ.get("SSN3D_CACHE"):
        return Path(os.environ["SSN3D_CACHE"]) / "structures"
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "ssn3d" / "structures"


def fetch_entries(
    pdb_ids: Iterable[str],
    archive: Archive,
    folder: PathLike,
    *,
    lock: PathLike,
    superseded: Mapping[str, str] | None = None,
    allow_missing: bool = False,
) -> dict[str, Path]:
    """Download entries that are not in the folder yet; return {ID: {folder}/{ID}.cif.gz}.

    IDs are in capitals. New entries are added to the lock, a table (.tsv) of pdb_id and sha256.
    Messages name the successors of superseded IDs. With `allow_missing`, unavailable entries are
    logged.

    Raises StructureError if entries are unavailable (the message names all of them), differ from
    the lock, or cannot be written.
    """
    ids = list(pdb_ids)
    pins = read_lock(lock)
    folder = Path(folder)

    def get(pdb_id: str) -> str | StructureError:
        try:
            return _get_entry(archive, pdb_id, folder / f"{pdb_id}.cif.gz", lock, pins.get(pdb_id))
        except StructureError as error:
            return error

    with ThreadPoolExecutor(archive.parallel) as pool:
        results = dict(zip(ids, progress(pool.map(get, ids), "structures", len(ids)), strict=True))
    digests = {i: result for i, result in results.items() if isinstance(result, str)}
    if not digests.keys() <= pins.keys():
        lines = [f"{pdb_id}\t{digest}\n" for pdb_id, digest in sorted((digests | pins).items())]
        write_text(lock, "".join(["pdb_id\tsha256\n", *lines]))
    problems = {i: result for i, result in results.items() if isinstance(result, StructureError)}
    for problem in (p for p in problems.values() if not isinstance(p, _UnavailableError)):
        raise problem
    if problems:
        message = _unavailable(problems, superseded or {})
        if not allow_missing:
            raise StructureError(
                f"{message}. Without a network: put files like {ids[0]}.cif.gz into {folder}, or "
                "set structures.source to 'folder' or 'surrogate', or structures.allow_surrogates "
                "to true"
            )
        logger.warning("%s", message)
    return {pdb_id: folder / f"{pdb_id}.cif.gz" for pdb_id in digests}


def _unavailable(problems: Mapping[str, StructureError], superseded: Mapping[str, str]) -> str:
    """List the unavailable entries, grouped by fault."""
    by_fault: dict[str, list[str]] = {}
    for pdb_id, problem in problems.items():
        obsolete = f" (superseded by {superseded[pdb_id]})" if pdb_id in superseded else ""
        by_fault.setdefault(str(problem), []).append(pdb_id + obsolete)
    faults = [f"{', '.join(ids)}: {fault}" for fault, ids in by_fault.items()]
    return f"unavailable in the archive: {'; '.join(faults)}"


def _get_entry(archive: Archive, pdb_id: str, target: Path, lock: PathLike, pin: str | None) -> str:
    """Download an entry to `target` unless it is there; return its SHA-256."""
    digest = _cached_digest(target, pdb_id, pin) if target.exists() else None
    if digest is not None:
        return digest
    try:
        data, digest = _download_entry(archive, pdb_id)
    except _UnavailableError as error:
        if not target.exists():
            raise
        raise StructureError(
            f"{target}: damaged, or not what {lock} pins, and downloading it failed ({error}); "
            "delete it and rerun"
        ) from error
    if digest != (pin or digest):
        raise StructureError(
            f"{pdb_id}: the downloaded entry has SHA-256 {digest}, but {lock} pins {pin}; if the "
            "archive has revised the entry, delete its line there"
        )
    try:
        with atomic_path(target) as partial:
            partial.write_bytes(data)
    except WriteError as error:
        raise StructureError(f"{error}; or name another cache in SSN3D_CACHE") from error
    return digest


def _cached_digest(target: Path, pdb_id: str, pin: str | None) -> str | None:
    """SHA-256 of the entry in the cache; None, and a log line, if it is damaged."""
    try:
        text = file_content(target)
        digest = hashlib.sha256(text).hexdigest()
        if pin is None:
            _verify(text, pdb_id, str(target))
        elif digest != pin:
            logger.warning("%s: differs from its pinned SHA-256; downloading it again", target)
            return None
    except StructureError as error:
        logger.warning("%s; downloading it again", error)
        return None
    return digest


def _verify(text: bytes, pdb_id: str, name: str) -> None:
    """Raise StructureError if an entry's text is damaged, or holds another entry."""
    check_entry_id(parse_entry(text, name), pdb_id, name, required=True)


def _download_entry(archive: Archive, pdb_id: str) -> tuple[bytes, str]:
    """Return an entry, gzipped, and its SHA-256, from the first URL that serves it intact."""
    faults = []
    for template in [*archive.settings.urls, *archive.settings.obsolete_urls]:
        url = entry_url(template, pdb_id)
        host = urlsplit(url).netloc
        try:
            data = download(archive, url)
            text = gunzip(data, host)
            _verify(text, pdb_id, host)
        except StructureError as error:
            faults.append(str(error))
        else:
            return data, hashlib.sha256(text).hexdigest()
    raise _UnavailableError(", ".join(dict.fromkeys(faults)))


def read_lock(path: PathLike) -> dict[str, str]:
    """Read pinned SHA-256 by PDB ID; empty if there is no such file.

    Raises StructureError if a line is damaged.
    """
    pins: dict[str, str] = {}
    for place, row in read_tsv(path) if Path(path).exists() else []:
        pdb_id, digest = row.get("pdb_id", ""), row.get("sha256", "")
        if not (PDB_ID.fullmatch(pdb_id) and re.fullmatch("[0-9a-f]{64}", digest)):
            raise StructureError(
                f"{place}: {pdb_id!r} and {digest!r} are not pdb_id and sha256; restore or delete "
                "the line"
            )
        pins[pdb_id] = digest
    return pins
