"""Where the voxels of a tomogram of one's own are: in an MRC file, or in OME-Zarr."""

import json
import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
from numpy.typing import NDArray

from ssn3d.errors import DataError

Slices = slice | tuple[slice, ...]

_IMOD_STAMP = 1146047817
_ANGSTROM = {"angstrom": 1.0, "nanometer": 10.0, "micrometer": 1e4}


@dataclass(frozen=True)
class StoredTomogram:
    """A volume of real numbers on disk, and what is written beside it."""

    read: Callable[[Slices], NDArray[Any]]
    """Gives part of the volume (z, y, x)."""
    shape: tuple[int, int, int]
    edges_angstrom: tuple[float, ...]
    """Of a voxel, (x, y, z); 0 or NaN where the file has none."""
    origin_angstrom: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """(x, y, z)."""
    start_voxels: tuple[int, int, int] = (0, 0, 0)
    """(x, y, z)."""


def find_stored(path: Path) -> StoredTomogram:
    """Find the voxels of a tomogram. Raises DataError where there are none."""
    return _open_ome_zarr(path) if path.is_dir() else _open_mrc(path)


def _open_mrc(path: Path) -> StoredTomogram:
    header, offset = _read_header(path)
    shape = int(header.nz), int(header.ny), int(header.nx)
    return StoredTomogram(
        partial(_read_mapped, path, _dtype(header), offset, shape),
        shape,
        tuple(float(header.cella[axis]) / max(int(header[f"m{axis}"]), 1) for axis in "xyz"),
        tuple(float(header.origin[axis]) for axis in "xyz"),  # type: ignore[arg-type]
        tuple(int(header[f"n{axis}start"]) for axis in "xyz"),  # type: ignore[arg-type]
    )


def _read_mapped(
    path: Path, dtype: np.dtype[Any], offset: int, shape: tuple[int, int, int], where: Slices
) -> NDArray[Any]:
    # mapped anew each time, since pages once read would count as memory of ours
    return np.memmap(path, dtype, "r", offset, shape)[where]


def _read_header(path: Path) -> tuple[Any, int]:
    """Read the header, and where the voxels begin. Raises DataError where there is no tomogram."""
    try:
        with path.open("rb") as stream:
            compressed = stream.read(2) in {b"\x1f\x8b", b"BZ"}
        if compressed:
            raise DataError(f"{path}: compressed; decompress it first")
        with (
            warnings.catch_warnings(action="ignore"),
            mrcfile.open(path, header_only=True) as mrc,
        ):
            header = mrc.header
        item_bytes = _dtype(header).itemsize
    except (OSError, EOFError, ValueError) as error:
        problem = " ".join(str(error).split())
        raise DataError(f"{path}: not a readable MRC file ({problem}); give a tomogram") from error
    shape = int(header.nz), int(header.ny), int(header.nx)
    offset = header.nbytes + int(header.nsymbt)
    expected, actual = offset + math.prod(shape) * item_bytes, path.stat().st_size
    if min(shape) < 1 or actual < expected:
        raise DataError(f"{path}: {actual} bytes of {expected} in its header; copy it again")
    _refuse_other_content(path, header, shape)
    return header, offset


def _refuse_other_content(path: Path, header: Any, shape: tuple[int, int, int]) -> None:
    """Raise DataError for what is no tomogram of real numbers, by its header."""
    group = int(header.ispg)
    what = None
    if shape[0] == 1:
        what = "a 2-D image"
    elif group == 0 and header.mz == 1:
        what = "a stack of images, such as a tilt series"
    elif group >= mrcfile.constants.VOLUME_STACK_SPACEGROUP:
        what = "a stack of volumes"
    elif np.issubdtype(_dtype(header), np.complexfloating):
        what = "a Fourier transform"
    if what:
        raise DataError(f"{path}: {what}, not a tomogram; give a reconstructed volume")
    axes = int(header.mapc), int(header.mapr), int(header.maps)
    if axes not in {(1, 2, 3), (0, 0, 0)}:
        raise DataError(f"{path}: its axes are stored in order {axes}; rewrite it as x, y, z")


def _dtype(header: Any) -> np.dtype[Any]:
    """Type of a voxel. IMOD once wrote bytes unsigned, and says so where it did."""
    dtype: np.dtype[Any] = mrcfile.utils.data_dtype_from_header(header)
    stamp, flags = np.frombuffer(header.extra2.tobytes()[40:48], header.mode.dtype)
    if dtype == np.int8 and stamp == _IMOD_STAMP and not flags & 1:
        return np.dtype(np.uint8)
    return dtype


def _open_ome_zarr(path: Path) -> StoredTomogram:
    """Open the finest image of OME-Zarr (OME-NGFF 0.4 or 0.5), whose last axes are z, y, x."""
    try:
        import zarr  # noqa: PLC0415 -- optional
    except ModuleNotFoundError:
        raise DataError(f"{path}: to read OME-Zarr, pip install 'ssn3d[zarr]'") from None
    try:
        attributes = _zarr_attributes(path)
        image = attributes.get("ome", attributes)["multiscales"][0]
        names = [axis["name"] for axis in image["axes"]]
        units = [axis.get("unit", "") for axis in image["axes"]]
        finest = image["datasets"][0]
        steps = finest["coordinateTransformations"][0]["scale"]
        array: Any = zarr.open_array(path / finest["path"], mode="r")
    except (OSError, KeyError, IndexError, TypeError, ValueError) as error:
        problem = " ".join(str(error).split())
        raise DataError(f"{path}: not an image of OME-Zarr ({problem}); give its folder") from error
    leading = array.shape[:-3]
    if names[-3:] != ["z", "y", "x"] or math.prod(leading) != 1 or len(names) != len(array.shape):
        shape = "x".join(map(str, array.shape))
        raise DataError(f"{path}: axes {', '.join(names)} of {shape}, not one volume of z, y, x")
    edges = [step * _ANGSTROM.get(unit, 0.0) for step, unit in zip(steps, units, strict=True)]
    first = (0,) * len(leading)

    def read(where: Slices) -> NDArray[Any]:
        parts = where if isinstance(where, tuple) else (where,)
        return np.asarray(array[(*first, *parts)])

    return StoredTomogram(read, tuple(array.shape[-3:]), tuple(edges[:-4:-1]))


def _zarr_attributes(path: Path) -> dict[str, Any]:
    """Attributes of a group of Zarr 3, or of Zarr 2."""
    newer = path / "zarr.json"
    if newer.exists():
        attributes: dict[str, Any] = json.loads(newer.read_bytes())["attributes"]
        return attributes
    older: dict[str, Any] = json.loads((path / ".zattrs").read_bytes())
    return older
