"""The source of each structure's coordinates: the archive, a folder, or a surrogate."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ssn3d.core.errors import StructureError
from ssn3d.core.log import logger
from ssn3d.io.delimited import read_tsv
from ssn3d.io.files import PathLike
from ssn3d.io.text_files import listed
from ssn3d.structures.ids import PDB_ID

_FILE_NAME = re.compile(
    r"(?:pdb(?:_0000)?)?([0-9][a-z0-9]{3})(?:_updated)?\.(?:mmcif|cif|pdb|ent)(?:\.gz)?",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class SourceFile:
    """Source of the coordinates of a structure."""

    pdb_id: str
    """Class of the structure."""
    source: str
    """`archive`, `folder`, `surrogate`, `map` or `random`."""
    path: Path | None = None
    """The coordinate file; None for a surrogate."""
    served_by: str | None = None
    """The entry in the file: the class itself, or a stand-in; None for a surrogate."""
    note: str = ""


def find_sources(
    ids: Iterable[str],
    source: str,
    folder: PathLike | None,
    *,
    allow_surrogates: bool = False,
    superseded: Mapping[str, str] | None = None,
) -> dict[str, SourceFile]:
    """Find the coordinates of each ID, in capitals.

    The source is `archive` (downloads in `folder`), `folder` (the user's files) or `surrogate`.
    Files are named after the ID (1ABC.cif, pdb1abc.ent.gz, 1abc_updated.cif, ...). In a user's
    folder, an index.tsv with the columns file, pdb_id, serves_for and perhaps notes assigns other
    files, and entries that stand in for another ID; it takes precedence over the names. With
    `allow_surrogates`, bead models serve for IDs without a file. `superseded` has obsolete IDs and
    their successors, for a note.

    Raises StructureError if files are missing or ambiguous; the message names all IDs concerned.
    """
    ids, folder = list(ids), Path(folder or "")
    if source == "surrogate":
        return {pdb_id: SourceFile(pdb_id, "surrogate") for pdb_id in ids}
    if source == "folder" and not folder.is_dir():
        raise StructureError(f"{folder}: no such folder; correct structures.folder")
    found = _by_index(folder, ids) if source == "folder" else {}
    found |= _by_name(folder, source, [pdb_id for pdb_id in ids if pdb_id not in found])
    missing = [pdb_id for pdb_id in ids if pdb_id not in found]
    near = _named_alike(folder, missing) if source == "folder" else ""
    if missing and not allow_surrogates:
        raise StructureError(
            f"{folder}: no coordinate file for {len(missing)} of {len(ids)} structures: "
            f"{', '.join(missing)}; put files there, or set structures.allow_surrogates to true "
            "(bead models), or structures.source to 'archive', 'folder' or 'surrogate'"
            f"{near}"
        )
    if near:
        logger.warning("%s: bead models serve for %s%s", folder, ", ".join(missing), near)
    for pdb_id, successor in (superseded or {}).items():
        if source == "archive" and pdb_id in found:
            note = f"obsolete entry, superseded by {successor}"
            found[pdb_id] = replace(found[pdb_id], note=note)
    found |= {i: SourceFile(i, "surrogate", note=f"no file in the {source}") for i in missing}
    return {pdb_id: found[pdb_id] for pdb_id in ids}


def _by_name(folder: Path, source: str, ids: Iterable[str]) -> dict[str, SourceFile]:
    """Find files named after the IDs. Raises StructureError if an ID has several."""
    files: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        match = _FILE_NAME.fullmatch(path.name)
        if match and path.is_file():
            files.setdefault(match[1].upper(), []).append(path)
    for pdb_id in ids:
        if len(files.get(pdb_id, [])) > 1:
            names = ", ".join(path.name for path in files[pdb_id])
            raise StructureError(f"{folder}: several files for {pdb_id} ({names}); keep one")
    return {i: SourceFile(i, source, files[i][0], i) for i in ids if i in files}


def _named_alike(folder: Path, ids: Sequence[str]) -> str:
    """Name the files whose names contain one of the IDs, for a message; "" if there are none."""
    names = sorted(path.name for path in folder.iterdir() if path.is_file())
    near = [name for name in names if any(pdb_id in name.upper() for pdb_id in ids)]
    remedy = "list them in index.tsv (file, pdb_id, serves_for)"
    return f"; there are {listed(near)}: {remedy}" if near else ""


def _by_index(folder: Path, ids: Iterable[str]) -> dict[str, SourceFile]:
    """Find the files that the folder's index.tsv, if any, assigns to the IDs.

    Raises StructureError if a line is damaged, or names a file that is not in the folder.
    """
    index = folder / "index.tsv"
    found: dict[str, SourceFile] = {}
    for place, row in read_tsv(index) if index.exists() else []:
        entry, serves_for, name = (row.get(key, "") for key in ("pdb_id", "serves_for", "file"))
        if not (PDB_ID.fullmatch(entry) and PDB_ID.fullmatch(serves_for)):
            raise StructureError(
                f"{place}: pdb_id {entry!r} and serves_for {serves_for!r} must be PDB IDs in "
                "capitals"
            )
        if serves_for in found:
            raise StructureError(f"{place}: second file for {serves_for}; keep one")
        if name != Path(name).name or not (folder / name).is_file():
            raise StructureError(f"{place}: no file {name!r} in this folder")
        note = row.get("notes", "")
        found[serves_for] = SourceFile(serves_for, "folder", folder / name, entry, note)
    return {pdb_id: found[pdb_id] for pdb_id in ids if pdb_id in found}
