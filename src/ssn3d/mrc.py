"""MRC files: volumes (z, y, x), stacks (tilt, y, x) and labels, with voxel size and origin."""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
from numpy.typing import NDArray

from ssn3d.errors import DataError
from ssn3d.files import atomic_path

_REMEDY = "delete it and run again"


def write_mrc(
    path: str | os.PathLike[str],
    array: NDArray[np.float32] | NDArray[np.uint16],
    voxel_size_angstrom: float,
    *,
    stack: bool = False,
    label: str = "",
) -> None:
    """Write a volume, or with `stack` a stack of images, float32 or uint16.

    The origin is that of the first voxel's centre, 0. `label` is put into the header.
    """
    with atomic_path(path) as partial, mrcfile.new(partial, overwrite=True) as mrc:
        mrc.set_data(array)
        if stack:
            mrc.set_image_stack()
        mrc.voxel_size = voxel_size_angstrom
        mrc.header.origin = (0.0, 0.0, 0.0)
        if label:
            mrc.add_label(label[:79])


@contextmanager
def _opened(path: str | os.PathLike[str], *, header_only: bool = False) -> Iterator[Any]:
    """Open for reading, warnings of mrcfile being faults. Raises DataError where there are any."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with mrcfile.open(Path(path), mode="r", header_only=header_only) as mrc:
                yield mrc
    except (OSError, ValueError, RuntimeWarning, UserWarning) as error:
        message = f"{path}: not a readable MRC file ({error}); {_REMEDY}"
        raise DataError(message) from error


def shape_of_mrc(path: str | os.PathLike[str]) -> tuple[int, int, int]:
    """Read the shape (z, y, x) from a header. Raises DataError where there is none."""
    with _opened(path, header_only=True) as mrc:
        return int(mrc.header.nz), int(mrc.header.ny), int(mrc.header.nx)


def read_mrc(
    path: str | os.PathLike[str], shape: tuple[int, ...] | None = None
) -> tuple[NDArray[Any], float]:
    """Read an array and its voxel size in angstrom.

    Raises DataError where the file is missing or truncated, holds NaN or infinity, or has another
    shape than `shape`.
    """
    with _opened(path) as mrc:
        array: NDArray[Any] = mrc.data
        array.flags.writeable = True  # the file is closed below, and holds no reference
        voxel_size_angstrom = float(mrc.voxel_size.x)
    if shape is not None and array.shape != shape:
        message = f"{path}: shape {array.shape}, expected {shape}; {_REMEDY}"
        raise DataError(message)
    if not np.isfinite(np.sum(array, dtype=np.float64)):
        message = f"{path}: holds NaN or infinity; {_REMEDY}"
        raise DataError(message)
    return array, voxel_size_angstrom
