"""Table of tomograms: a line for each, in columns separated by tabs or commas; # begins a comment.

Imports only light modules, since Snakemake imports it for every job.
"""

import math
import os
import re
from pathlib import Path
from typing import Any, NamedTuple, cast, get_args

from ssn3d.core.errors import DataError
from ssn3d.core.settings import Protein
from ssn3d.io.delimited import DelimitedTable, read_delimited
from ssn3d.io.files import PathLike, check_braces

COLUMNS = ("name", "file", "voxel_size_angstrom", "tilt_min_deg", "tilt_max_deg")
PROTEIN, ANNOTATIONS = "protein", "annotations"
"""Columns that may be left out."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_STEEPEST_DEG = 90.0
_OF_ZARR = (".zattrs", ".zgroup", "zarr.json")


class Sample(NamedTuple):
    """A tomogram to recover particles from."""

    name: str
    file: str
    voxel_size_angstrom: float | None
    """None for the header's voxel size."""
    tilt_range_deg: tuple[float, float] = (math.nan, math.nan)
    """Lowest and highest tilt angle; NaN in jobs that need none."""
    annotations: str | None = None
    """Table of all particles of some targets; None if they are not known."""
    protein: Protein = "auto"
    """Contrast of protein; auto if it is to be found from the voxels."""

    @property
    def facts(self) -> dict[str, Any]:
        """All but the files, which are a job's input."""
        values = self._asdict()
        return {name: values[name] for name in values if name not in {"file", "annotations"}}

    @property
    def facts_of_volume(self) -> dict[str, Any]:
        """Facts without the tilts, whose correction reruns no job that reads voxels alone."""
        return {name: fact for name, fact in self.facts.items() if name != "tilt_range_deg"}


def read_samples_table(path: PathLike) -> dict[str, Sample]:
    """Read a table of tomograms, by name; paths in it are relative to the table.

    Raises DataError that names the line and the column of a fault.
    """
    table = read_delimited(path, comments=True, may_be_short=True)
    _check_columns(path, table)
    if not table.rows:
        raise DataError(
            f"{path}: no tomograms; give a line for each, below the line of column names"
        )
    samples: dict[str, Sample] = {}
    for line, values in table.rows:
        place, cells = f"{path}: line {line}", dict(zip(table.titles, values, strict=True))
        name = _name(f"{place}, name", cells["name"], samples)
        low, high = (_tilt(f"{place}, {c}", cells[c]) for c in ("tilt_min_deg", "tilt_max_deg"))
        if low >= high:
            raise DataError(f"{place}, tilt_max_deg: {high:g} is not above tilt_min_deg, {low:g}")
        file = _file(f"{place}, file", Path(path).parent, cells["file"])
        size = cells["voxel_size_angstrom"]
        voxel_size = _voxel_size(f"{place}, voxel_size_angstrom", size) if size else None
        known = cells.get(ANNOTATIONS) or None
        if known is not None:
            known = _file(f"{place}, {ANNOTATIONS}", Path(path).parent, known)
        protein = cells.get(PROTEIN) or "auto"
        if protein not in get_args(Protein):
            names = ", ".join(get_args(Protein))
            raise DataError(f"{place}, {PROTEIN}: {protein!r} is none of {names}")
        kind = cast("Protein", protein)
        samples[name] = Sample(name, file, voxel_size, (low, high), known, kind)
    return samples


def _check_columns(path: PathLike, table: DelimitedTable) -> None:
    wanted = f"give {', '.join(COLUMNS)}, separated by tabs (here: {table.separated_by})"
    missing = [column for column in COLUMNS if column not in table.titles]
    if missing:
        raise DataError(f"{path}: no column {missing[0]}; {wanted}")
    unknown = [title for title in table.titles if title not in {*COLUMNS, PROTEIN, ANNOTATIONS}]
    if unknown:
        raise DataError(f"{path}: unknown column {unknown[0]!r}; {wanted}")


def _name(place: str, name: str, others: dict[str, Sample]) -> str:
    if not _NAME.fullmatch(name):
        raise DataError(
            f"{place}: {name!r} cannot name files; use letters, digits, '-', '_' and '.'"
        )
    if name.lower() in {other.lower() for other in others}:
        raise DataError(f"{place}: {name!r} is there already; give each tomogram another name")
    return name


def _file(place: str, folder: Path, cell: str) -> str:
    path = folder / cell
    files = (path, *(path / name for name in _OF_ZARR))
    # Path.is_file raises in a forbidden folder
    if not cell or not any(os.path.isfile(file) for file in files):  # noqa: PTH113
        raise DataError(
            f"{place}: {str(path)!r} is neither a file nor an OME-Zarr folder; paths are relative "
            "to the table"
        )
    check_braces(str(path), place)
    return str(path)


def _voxel_size(place: str, cell: str) -> float:
    size = _number(place, cell)
    if size <= 0:
        raise DataError(f"{place}: {cell!r} is not above 0; leave it empty for the header's")
    return size


def _tilt(place: str, cell: str) -> float:
    angle = _number(place, cell)
    if abs(angle) > _STEEPEST_DEG:
        raise DataError(f"{place}: {cell!r} is not between -90 and 90")
    return angle


def _number(place: str, cell: str) -> float:
    try:
        number = float(cell)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise DataError(f"{place}: {cell!r} is not a number")
    return number
