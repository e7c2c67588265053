"""A tomogram comes in; a report, a picture, measurements and settings like it go out."""

from pathlib import Path

from ssn3d.core.blas import one_blas_thread
from ssn3d.core.errors import DataError
from ssn3d.core.log import logger
from ssn3d.core.settings import Protein
from ssn3d.io.files import PathLike, atomic_path, check_utf8, write_json, write_text
from ssn3d.io.tomogram import Tomogram, open_tomogram
from ssn3d.measure.like_it import like_it
from ssn3d.measure.measurements import Measurements, as_json, measure
from ssn3d.measure.picture import picture
from ssn3d.measure.report import report
from ssn3d.microscope.settings import Optics

_THINNEST_VOXELS = 16
OUTPUTS = ("report.md", "picture.png", "measurements.json", "like_it.yaml")


def measure_tomogram(
    path: PathLike,
    folder: PathLike,
    *,
    optics: Optics,
    tilt_range_deg: tuple[float, float] | None = None,
    voxel_size_angstrom: float | None = None,
    protein: Protein = "auto",
) -> Measurements:
    """Measure a tomogram, with the tilt axis along y, and write `OUTPUTS` into a folder.

    `tilt_range_deg` are the lowest and highest tilt, if known; a given voxel size replaces the
    header's.

    Raises:
        DataError: the tomogram cannot be read or is too small, or the tilts are no range.
        WriteError: a file cannot be written.
    """
    if tilt_range_deg is not None and tilt_range_deg[0] >= tilt_range_deg[1]:
        low, high = tilt_range_deg
        raise DataError(
            f"tilt range {low:g} {high:g}; give the lowest tilt first, then the highest"
        )
    tomogram = open_tomogram(path, voxel_size_angstrom, protein)
    return measure_opened(tomogram, folder, optics=optics, tilt_range_deg=tilt_range_deg)


@one_blas_thread()
def measure_opened(
    tomogram: Tomogram,
    folder: PathLike,
    *,
    optics: Optics,
    tilt_range_deg: tuple[float, float] | None,
) -> Measurements:
    """Measure an open tomogram, as `measure_tomogram` does a file, and write `OUTPUTS`."""
    check_utf8(tomogram.name, "rename the file")
    if min(tomogram.grid.shape) < _THINNEST_VOXELS:
        x, y, z = tomogram.grid.shape[::-1]
        raise DataError(
            f"{tomogram.path}: {x}x{y}x{z} voxels (x, y, z) are too few to measure; give a "
            f"tomogram of at least {_THINNEST_VOXELS} along each axis"
        )
    found = measure(tomogram, optics, tilt_range_deg)
    place = Path(folder)
    write_json(place / "measurements.json", as_json(found))
    write_text(place / "like_it.yaml", like_it(found))
    write_text(place / "report.md", report(found))
    figure = picture(tomogram, found)
    with atomic_path(place / "picture.png") as partial:
        figure.savefig(partial)
    logger.info("%s: %s", place, ", ".join(OUTPUTS))
    return found
