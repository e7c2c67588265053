"""MRC headers, read as tolerantly as the data allow.

Programs differ in the map string, the machine stamp, the extended header and signed bytes. A header
is read if its sizes and mode are sane in one byte order; each deviation is logged.
"""

import math
from functools import partial
from typing import Any

import mrcfile
import numpy as np
from numpy.typing import NDArray

from ssn3d.core.errors import DataError
from ssn3d.core.log import logger
from ssn3d.io.stored_volume import REMAKE, Content, StoredVolume

CHECKSUM_LABEL = "ssn3d crc32 "
"""Beginning of the label with the checksum of files of ssn3d."""
_HEADER_BYTES = 1024
_DTYPES = {0: "i1", 1: "i2", 2: "f4", 6: "u2", 12: "f2"}
_COMPLEX_MODES = {3, 4}
_FOUR_BITS_MODE = 101
_MODES = {*_DTYPES, *_COMPLEX_MODES, _FOUR_BITS_MODE}
_LARGEST_AXIS = 1 << 20
_STAMPS = {"<": (b"\x44\x44", b"\x44\x41"), ">": (b"\x11\x11",)}
_IMOD_STAMP = 1146047817
_LARGEST_SIGNED = 127
_ROUGHER = 2.0
"""Ratio of the differences of neighbours, read with and without a sign, for unsigned bytes."""


def open_mrc(content: Content, *, stacks: bool = False) -> StoredVolume:
    """Open an MRC file whose axes may be stored in any order; with `stacks` also images and stacks.

    Raises DataError if the header is damaged, the file is too short, or it is not a volume.
    """
    fields = _read_fields(content)
    if not stacks:
        _refuse_other_content(content, fields)
    axes = _axes(content, fields)
    stored = tuple(int(fields[name]) for name in ("nz", "ny", "nx"))
    order = tuple(2 - axes.index(axis) for axis in (3, 2, 1))
    dtype, offset = _locate(content, fields, math.prod(stored))
    if dtype == np.int8:
        middle = slice(stored[0] // 2, stored[0] // 2 + 1)
        section = content.map(dtype, offset, stored, middle)
        dtype = np.dtype(np.uint8) if _is_unsigned(content, fields, section) else dtype
    starts = dict(zip(axes, ("nx", "ny", "nz"), strict=True))
    return StoredVolume(
        content.path,
        partial(content.map, dtype, offset, stored, order=order),
        tuple(stored[axis] for axis in order),  # type: ignore[arg-type]
        tuple(_edge(fields, axis) for axis in "xyz"),  # type: ignore[arg-type]
        tuple(float(fields["origin"][axis]) for axis in "xyz"),  # type: ignore[arg-type]
        tuple(int(fields[f"{starts[axis]}start"]) for axis in (1, 2, 3)),  # type: ignore[arg-type]
        _labels(fields),
    )


def _fields(head: bytes, order: str) -> Any:
    """Return the header fields, a record of mrcfile's, in a byte order."""
    return np.frombuffer(head, mrcfile.dtypes.HEADER_DTYPE.newbyteorder(order), 1)[0]


def _labels(fields: Any) -> str:
    return b" ".join(fields["label"].tolist()).decode("ascii", "replace")


def _is_sane(fields: Any) -> bool:
    """Return True if mode, sizes and the length of the extended header are possible."""
    sizes = [int(fields[name]) for name in ("nx", "ny", "nz")]
    return (
        int(fields["mode"]) in _MODES
        and all(0 < size <= _LARGEST_AXIS for size in sizes)
        and int(fields["nsymbt"]) >= 0
    )


def _read_fields(content: Content) -> Any:
    """Read the header in the byte order in which it is sane; log what is unusual."""
    head = content.start(_HEADER_BYTES)
    if len(head) < _HEADER_BYTES:
        raise DataError(f"{content.path}: {len(head)} bytes, shorter than a header; {REMAKE}")
    stamp = head[212:214]
    stamped = [order for order, known in _STAMPS.items() if stamp in known]
    orders = [*stamped, *(order for order in "<>" if order not in stamped)]
    sane = [order for order in orders if _is_sane(_fields(head, order))]
    if not sane:
        mode = int(_fields(head, orders[0])["mode"])
        why = f"mode {mode} of MRC is unknown" if mode in range(256) else "of no known format"
        raise DataError(
            f"{content.path}: not a readable volume ({why}); give an MRC, TIFF or EM file, or a "
            "folder of OME-Zarr"
        )
    doubts = []
    if head[208:211] != b"MAP":
        doubts.append("no MAP string")
    if sane[0] not in stamped:
        doubts.append(f"machine stamp {head[212:216].hex(' ')}")
    if doubts:
        logger.warning(
            "%s: an unusual MRC header (%s), read in %s-endian order, in which it makes sense",
            *(content.path, ", ".join(doubts), {"<": "little", ">": "big"}[sane[0]]),
        )
    return _fields(head, sane[0])


def _refuse_other_content(content: Content, fields: Any) -> None:
    """Raise DataError if the header is that of an image, or a stack of images or volumes."""
    group, what = int(fields["ispg"]), None
    if min(int(fields["nx"]), int(fields["ny"]), int(fields["nz"])) == 1:
        what = "a 2-D image"
    elif group == 0 and fields["mz"] == 1:
        what = "a stack of images, such as a tilt series"
    elif group >= mrcfile.constants.VOLUME_STACK_SPACEGROUP:
        what = "a stack of volumes"
    if what:
        raise DataError(f"{content.path}: {what}, not a tomogram; give a reconstructed volume")


def _locate(content: Content, fields: Any, count: int) -> tuple[np.dtype[Any], int]:
    """Find the type and offset of `count` voxels. Raises DataError if the file is too short."""
    mode, path = int(fields["mode"]), content.path
    if mode in _COMPLEX_MODES:
        raise DataError(f"{path}: a Fourier transform, not real voxels; transform it back")
    if mode == _FOUR_BITS_MODE:
        raise DataError(f"{path}: voxels of 4 bits (mode 101); convert it to 8 bits")
    dtype = np.dtype(_DTYPES[mode]).newbyteorder(fields.dtype["nx"].byteorder)
    extended, actual = int(fields["nsymbt"]), content.size()
    voxels = count * dtype.itemsize
    if extended and actual == _HEADER_BYTES + voxels:
        logger.warning(
            "%s: read without its extended header of %d bytes, which is missing (set nsymbt to 0)",
            *(path, extended),
        )
        extended = 0
    offset = _HEADER_BYTES + extended
    is_ours = CHECKSUM_LABEL in _labels(fields)
    if actual < offset + voxels or (is_ours and actual > offset + voxels):  # others may be longer
        raise DataError(
            f"{path}: {actual} bytes, but the header implies {offset + voxels}; {REMAKE}"
        )
    return dtype, offset


def _axes(content: Content, fields: Any) -> tuple[int, ...]:
    """Return the axes (1, 2 and 3 are x, y and z) of columns, rows and sections."""
    axes = tuple(int(fields[name]) for name in ("mapc", "mapr", "maps"))
    if axes == (0, 0, 0):  # never filled in
        return 1, 2, 3
    if sorted(axes) != [1, 2, 3]:
        raise DataError(
            f"{content.path}: its header says that columns, rows and sections are axes {axes}, not "
            "1, 2 and 3 in some order; correct mapc, mapr and maps"
        )
    return axes


def _edge(fields: Any, axis: str) -> float:
    """Return the voxel size in angstrom along an axis; 0 if the header has none."""
    intervals, cell = int(fields[f"m{axis}"]), float(fields["cella"][axis])
    return float(np.float32(cell / intervals)) if intervals > 0 else 0.0


def _is_unsigned(content: Content, fields: Any, section: NDArray[np.int8]) -> bool:
    """Return True if bytes are unsigned: by IMOD's flag, the statistics, or a section's voxels."""
    extra = fields["extra2"].tobytes()[40:48]
    stamp, flags = np.frombuffer(extra, np.dtype("i4").newbyteorder(fields.dtype["nx"].byteorder))
    if stamp == _IMOD_STAMP:
        return not flags & 1
    lowest, highest = float(fields["dmin"]), float(fields["dmax"])
    if lowest < 0 <= highest:
        return False
    if 0 <= lowest < highest <= 2 * _LARGEST_SIGNED + 1:
        unsigned, why = highest > _LARGEST_SIGNED, "the header's maximum"
    else:  # no statistics
        unsigned, why = _is_smoother_unsigned(np.array(section)), "its voxels make more sense"
    if unsigned:
        logger.warning("%s: its bytes are read without a sign (%s)", content.path, why)
    return unsigned


def _is_smoother_unsigned(section: NDArray[np.int8]) -> bool:
    """Return True if neighbours along x differ much less without a sign, or for a mask of 255."""
    if section.min(initial=0) == -1 and section.max(initial=-1) == 0:
        return True
    signed, unsigned = (
        float(np.abs(np.diff(section.view(dtype).astype(np.int16), axis=-1)).mean(dtype=float))
        for dtype in (np.int8, np.uint8)
    )
    return signed > _ROUGHER * unsigned
