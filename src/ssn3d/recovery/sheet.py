"""The sheet of one's own tomograms: one line for each, columns separated by tabs.

Light to import: Snakemake does so for every job.
"""

import math
import re
from pathlib import Path
from typing import NamedTuple

from ssn3d.errors import DataError
from ssn3d.files import PathLike, check_braces, read_tsv

COLUMNS = ("name", "file", "voxel_size_angstrom", "tilt_min_deg", "tilt_max_deg")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_STEEPEST_DEG = 90.0


class Sample(NamedTuple):
    """A tomogram to recover particles from."""

    name: str
    file: str
    voxel_size_angstrom: float | None
    """None for the header's."""
    tilt_range_deg: tuple[float, float]
    """Lowest and highest tilt."""


def read_sheet(path: PathLike) -> dict[str, Sample]:
    """Read a sheet: tomograms by name. Files are relative to the sheet.

    Raises DataError, one line that names row and column, where it is faulty.
    """
    rows = [(place, cells) for place, cells in read_tsv(path) if any(cells.values())]
    if not rows:
        raise DataError(f"{path}: no tomograms; give a line for each, below a line of titles")
    samples: dict[str, Sample] = {}
    for place, cells in rows:
        _check_columns(path, place, cells)
        name = _name(f"{place}, name", cells["name"], samples)
        low, high = (_tilt(f"{place}, {c}", cells[c]) for c in ("tilt_min_deg", "tilt_max_deg"))
        if low >= high:
            raise DataError(f"{place}, tilt_max_deg: {high:g} is not above tilt_min_deg, {low:g}")
        samples[name] = Sample(
            name,
            _file(f"{place}, file", Path(path).parent, cells["file"]),
            _voxel_size(f"{place}, voxel_size_angstrom", cells["voxel_size_angstrom"]),
            (low, high),
        )
    return samples


def _check_columns(path: PathLike, place: str, cells: dict[str, str]) -> None:
    """Raise DataError where columns are missing or unknown, or a line is longer than the titles."""
    titles = [title for title in cells if title is not None]
    wanted = f"give {', '.join(COLUMNS)}, separated by tabs"
    missing = [column for column in COLUMNS if column not in titles]
    if missing:
        raise DataError(f"{path}: no column {missing[0]}; {wanted}")
    unknown = [title for title in titles if title not in COLUMNS]
    if unknown:
        raise DataError(f"{path}: unknown column {unknown[0]!r}; {wanted}")
    if len(titles) < len(cells):
        raise DataError(f"{place}: more cells than columns; {wanted}")


def _name(place: str, name: str, others: dict[str, Sample]) -> str:
    if not _NAME.fullmatch(name):
        raise DataError(
            f"{place}: {name!r} cannot name files; use letters, digits, '-', '_' and '.'"
        )
    if name.lower() in {other.lower() for other in others}:
        raise DataError(f"{place}: {name!r} is there already; give each tomogram a name of its own")
    return name


def _file(place: str, folder: Path, cell: str) -> str:
    path = folder / cell
    if not cell or not path.is_file():
        raise DataError(f"{place}: {str(path)!r} is no file; paths are relative to the sheet")
    check_braces(str(path), place)
    return str(path)


def _voxel_size(place: str, cell: str) -> float | None:
    if not cell:
        return None
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
