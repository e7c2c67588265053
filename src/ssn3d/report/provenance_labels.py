"""Sources of the coordinates of structures, as labels in tables."""

from collections.abc import Iterable
from pathlib import Path

from ssn3d.io.files import PathLike, read_json

_SURROGATE = "surrogate: bead model"
_RANDOM = "random shape: bead model"
_WHOLE = 0.8  # minimum fraction of the published mass; whole entries have at least 0.92 (2GHO)


def source_label(structures_dir: PathLike, pdb_id: str) -> str:
    """Describe the source of a structure's coordinates."""
    path = Path(structures_dir) / f"{pdb_id}.json"
    if not path.exists():
        return f"unknown: no {path}"
    record = read_json(path, "source", "file", "served_by", "unit")
    if record["source"] == "surrogate":
        return _SURROGATE
    if record["source"] == "random":
        return _RANDOM
    label = "archive" if record["source"] == "archive" else f"file {record['file']}"
    served_by = record["served_by"]
    if served_by not in {None, pdb_id}:
        label += f", {served_by} standing in"
    return label + (", biological assembly" if record["unit"] == "biological" else "")


def is_exact_entry(structures_dir: PathLike, pdb_id: str, mass_kda: float) -> bool:
    """True if the coordinates are those deposited under this ID, with the complex's whole mass."""
    path = Path(structures_dir) / f"{pdb_id}.json"
    if not path.exists():
        return False
    record = read_json(path, "served_by", "unit", "mass_dalton")
    whole = record["mass_dalton"] >= _WHOLE * 1000 * mass_kda
    return whole and (record["served_by"], record["unit"]) == (pdb_id, "deposited")


def surrogates(structures_dir: PathLike, pdb_ids: Iterable[str]) -> list[str]:
    """List the structures that are bead models."""
    return [i for i in pdb_ids if is_surrogate(source_label(structures_dir, i))]


def is_surrogate(label: str) -> bool:
    """True if a label of `source_label` names a bead model."""
    return label == _SURROGATE
