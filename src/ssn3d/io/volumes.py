"""Volumes of any format, recognised by the content of the file and not by its suffix."""

import math
import os
from functools import partial
from pathlib import Path

import numpy as np
import tifffile

from ssn3d.core.errors import DataError, SSN3DError
from ssn3d.io.files import PathLike
from ssn3d.io.mrc_header import open_mrc
from ssn3d.io.ome_zarr import open_ome_zarr
from ssn3d.io.stored_volume import (
    REMAKE,
    Content,
    StoredVolume,
    angstrom_per,
    file_content,
    unpacked,
)

_TIFF_MAGIC = {b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"}
_HDF5_MAGIC = b"\x89HDF"
_EM_HEADER_BYTES = 512
_EM_DTYPES = {1: "i1", 2: "i2", 4: "i4", 5: "f4", 9: "f8"}
_EM_MACHINES = range(7)
_DIMENSIONS = 3


def open_volume(path: PathLike, *, stacks: bool = False) -> StoredVolume:
    """Open a volume: an MRC, TIFF or EM file, compressed or not, or a folder of OME-Zarr.

    With `stacks`, MRC files of images and stacks of images are accepted, too.

    Raises:
        DataError: the file is missing, damaged or not a volume.
        WriteError: there is no room for a decompressed copy.
    """
    path = Path(path)
    if os.path.isdir(path):  # noqa: PTH112 -- Path.is_dir raises in a forbidden folder
        return open_ome_zarr(path)
    content = file_content(path)
    magic = content.start(4)
    if magic in _TIFF_MAGIC:
        return _open_tiff(content)
    if magic == _HDF5_MAGIC:
        raise DataError(f"{path}: an HDF5 file; convert it to MRC")
    em = _open_em(content)
    return open_mrc(content, stacks=stacks) if em is None else em


def _open_em(content: Content) -> StoredVolume | None:
    """Open an EM file, the format of TOM, PyTom and Dynamo; None if it is not one.

    The format has no magic number, so the size of the file must be what its header implies.
    Programs disagree on the unit of its pixel size, which is therefore ignored.
    """
    head, size = content.start(_EM_HEADER_BYTES), content.size()
    if len(head) < _EM_HEADER_BYTES or head[0] not in _EM_MACHINES or head[3] not in _EM_DTYPES:
        return None
    for order in "<>":
        x, y, z = np.frombuffer(head, f"{order}i4", 3, 4).tolist()
        dtype = np.dtype(f"{order}{_EM_DTYPES[head[3]]}")
        if min(x, y, z) > 0 and size == _EM_HEADER_BYTES + x * y * z * dtype.itemsize:
            if z == 1:
                raise DataError(f"{content.path}: a 2-D image; give a reconstructed volume")
            read = partial(content.map, dtype, _EM_HEADER_BYTES, (z, y, x))
            return StoredVolume(content.path, read, (z, y, x), (0.0, 0.0, 0.0))
    return None


def _open_tiff(content: Content) -> StoredVolume:
    """Open a TIFF file of sections; compressed ones are decompressed to a temporary file."""
    path = content.path
    try:
        with content.open() as stream, tifffile.TiffFile(stream) as tiff:
            series = tiff.series[0]
            shape = tuple(length for length in series.shape if length > 1)
            is_colour = "S" in series.axes
            if is_colour or len(shape) != _DIMENSIONS or series.dtype.kind not in "biuf":
                shown = f"{'x'.join(map(str, series.shape))} of {series.dtype}"
                raise DataError(f"{path}: {shown}, not one volume of sections")  # noqa: TRY301
            edges = _tiff_edges(tiff)
            offset, dtype = series.dataoffset, series.dtype.newbyteorder(tiff.byteorder)
            if offset is None:
                pages = (page.asarray().tobytes() for page in series.pages if page is not None)
                content, offset, dtype = unpacked(path, pages), 0, series.dtype
            read = partial(content.map, dtype, offset, shape)
    except (SSN3DError, MemoryError):
        raise
    except Exception as error:  # tifffile raises errors of every kind
        raise DataError(f"{path}: not a readable TIFF file ({error}); {REMAKE}") from error
    if content.size() < offset + math.prod(shape) * dtype.itemsize:
        raise DataError(f"{path}: shorter than its header implies; {REMAKE}")
    return StoredVolume(path, read, shape, edges)  # type: ignore[arg-type]


def _tiff_edges(tiff: tifffile.TiffFile) -> tuple[float, float, float]:
    """Voxel size (x, y, z) in angstrom of an ImageJ or OME file; 0 if it has none."""
    if tiff.is_ome and tiff.ome_metadata:
        pixels = tifffile.xml2dict(tiff.ome_metadata)["OME"]["Image"]
        pixels = (pixels[0] if isinstance(pixels, list) else pixels)["Pixels"]
        sizes = [
            float(pixels.get(f"PhysicalSize{axis}", 0))
            * angstrom_per(pixels.get(f"PhysicalSize{axis}Unit", "um"))
            for axis in "XYZ"
        ]
        return sizes[0], sizes[1], sizes[2]
    metadata = tiff.imagej_metadata or {}
    factor = angstrom_per(metadata.get("unit"))
    tags = tiff.pages.first.tags
    across = [tags[name].value for name in ("XResolution", "YResolution") if name in tags]
    widths = [below / above if above else 0.0 for above, below in across]
    if not factor or len(widths) < 2:  # noqa: PLR2004 -- x and y
        return 0.0, 0.0, 0.0
    depth = float(metadata.get("spacing", 1.0))
    return factor * widths[0], factor * widths[1], factor * depth
