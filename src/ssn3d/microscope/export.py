"""Export of a tilt series with its true alignment, for IMOD, RELION 5 and compatible programs.

RELION projects a point p of a tomogram to Rz(rotation) Ry(tilt) (p - middle) + shift + middle, with
x, y, z in pixels and each middle at size // 2, as we do; defocus grows along z (`rlnTomoHand` 1).

IMOD's transforms bring the images into alignment: x' = A (x - c) + d + c, with c half-way between
the borders. For an even width this is half a pixel before our middle, where the tilt axis is. The
shifts d include that, so that aligned images have their axis at c, where IMOD expects it. If x and
z are even, voxel i of its tomogram is therefore at i + 1/2 of ours.
"""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ssn3d.core.log import logger
from ssn3d.core.settings import SizeVoxels
from ssn3d.io.files import PathLike, atomic_path
from ssn3d.io.mrc import read_mrc
from ssn3d.io.star_file import write_blocks
from ssn3d.microscope.acquisition import Acquisition, read_acquisition
from ssn3d.microscope.alignment import Alignment
from ssn3d.microscope.settings import Optics

STACK = "tilts.mrcs"


def export_tilt_series(
    tilts: PathLike,
    acquisition: PathLike,
    folder: PathLike,
    tomogram: str,
    *,
    optics: Optics,
    size: SizeVoxels,
) -> None:
    """Write a tilt series as tilts.mrcs, .rawtlt, .xf and .star, and tilt_series.star, in a folder.

    `tilts` is the stack to export, `size` the size of its tomogram. Paths in the STAR files are
    relative to the folder: run RELION there. Protein remains dark.
    """
    folder = Path(folder)
    taken = read_acquisition(acquisition)
    images, pixel_size = read_mrc(tilts, (len(taken.tilts.angle_deg), size.y, size.x))
    with atomic_path(folder / STACK) as partial:
        shutil.copyfile(tilts, partial)
    _write_numbers(folder / "tilts.rawtlt", taken.tilts.angle_deg[:, None], "%.3f")
    transforms = imod_transforms(taken.alignment, images.shape[1:], pixel_size)
    _write_numbers(folder / "tilts.xf", transforms, "%12.7f")
    write_blocks(folder / "tilts.star", {tomogram: _tilt_table(taken)})
    series = _series_table(taken, tomogram, optics, size, pixel_size)
    write_blocks(folder / "tilt_series.star", {"global": series})
    logger.info("%s: %d tilts", folder, len(images))


def imod_transforms(
    alignment: Alignment, shape: tuple[int, ...], pixel_size_angstrom: float
) -> NDArray[np.float64]:
    """Lines a11 a12 a21 a22 dx dy of IMOD's .xf file, (tilts, 6), for images (y, x) of a shape."""
    inverse = alignment.matrices().transpose(0, 2, 1)
    before_middle = np.array([0.5 if n % 2 == 0 else 0.0 for n in (shape[1], shape[0])])
    moved = alignment.shifts_angstrom / pixel_size_angstrom + before_middle
    shifts = -np.einsum("tij,tj->ti", inverse, moved)
    shifts[:, 1] += before_middle[1]  # the position along the axis is arbitrary
    return np.column_stack([inverse.reshape(-1, 4), shifts])


def _write_numbers(path: Path, rows: NDArray[np.float64], form: str) -> None:
    with atomic_path(path) as partial:
        np.savetxt(partial, rows, fmt=form)


def _tilt_table(taken: Acquisition) -> pd.DataFrame:
    """Rows of RELION's table of the tilts of one series."""
    tilts, alignment = taken.tilts, taken.alignment
    names = [f"{i + 1:06d}@{STACK}" for i in range(len(tilts.angle_deg))]
    return pd.DataFrame(
        {
            "rlnMicrographName": names,
            "rlnTomoNominalStageTiltAngle": tilts.angle_deg,
            "rlnTomoNominalTiltAxisAngle": 0.0,
            "rlnMicrographPreExposure": tilts.dose_before_e_per_angstrom2,
            "rlnTomoXTilt": 0.0,
            "rlnTomoYTilt": tilts.angle_deg,
            "rlnTomoZRot": alignment.rotations_deg,
            "rlnTomoXShiftAngst": alignment.shifts_angstrom[:, 0],
            "rlnTomoYShiftAngst": alignment.shifts_angstrom[:, 1],
            "rlnDefocusU": tilts.defocus_um * 1e4,
            "rlnDefocusV": tilts.defocus_um * 1e4,
            "rlnDefocusAngle": 0.0,
        }
    )


def _series_table(
    taken: Acquisition, tomogram: str, optics: Optics, size: SizeVoxels, pixel_size_angstrom: float
) -> pd.DataFrame:
    """RELION's table of one series."""
    return pd.DataFrame(
        {
            "rlnTomoName": [tomogram],
            "rlnTomoTiltSeriesStarFile": "tilts.star",
            "rlnTomoTiltSeriesName": STACK,
            "rlnTomoFrameCount": len(taken.tilts.angle_deg),
            "rlnVoltage": optics.voltage_kv,
            "rlnSphericalAberration": optics.cs_mm,
            "rlnAmplitudeContrast": optics.amplitude_contrast,
            "rlnMicrographOriginalPixelSize": pixel_size_angstrom,
            "rlnTomoTiltSeriesPixelSize": pixel_size_angstrom,
            "rlnTomoHand": 1.0,
            "rlnTomoImportFractionalDose": taken.tilts.dose_e_per_angstrom2.mean(),
            "rlnTomoSizeX": size.x,
            "rlnTomoSizeY": size.y,
            "rlnTomoSizeZ": size.z,
        }
    )
