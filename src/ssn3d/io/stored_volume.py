"""Volumes that stay in their files: parts are read when they are needed."""

import bz2
import errno
import gzip
import os
import tempfile
import weakref
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ssn3d.core.errors import DataError, WriteError
from ssn3d.io.files import cannot_be_read

Slices = slice | tuple[slice, ...]

_CHUNK_BYTES = 1 << 20
REMAKE = "make or copy it again"
"""Remedy for a damaged volume, which may be the user's own: never to delete it."""
_ANGSTROM = {
    **dict.fromkeys(("picometer", "pm"), 0.01),
    **dict.fromkeys(("angstrom", "å", "a"), 1.0),
    **dict.fromkeys(("nanometer", "nm"), 10.0),
    **dict.fromkeys(("micrometer", "micron", "um", "\N{GREEK SMALL LETTER MU}m", "\\u00b5m"), 1e4),
}


def angstrom_per(unit: object) -> float:
    """Return the length in angstrom of a unit by its name or symbol; 0 if it is unknown."""
    return _ANGSTROM.get(str(unit).casefold(), 0.0)  # which makes the micro sign a Greek letter


@dataclass(frozen=True)
class StoredVolume:
    """A volume of real numbers on disk, and its metadata."""

    path: Path
    read: Callable[[Slices], NDArray[Any]]
    """Reads part of the volume (z, y, x) in the data type of the file."""
    shape: tuple[int, int, int]
    edges_angstrom: tuple[float, float, float]
    """Voxel size (x, y, z); 0 or NaN if the file has none."""
    origin_angstrom: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """(x, y, z)."""
    start_voxels: tuple[int, int, int] = (0, 0, 0)
    """(x, y, z)."""
    labels: str = ""
    """Text in the header of an MRC file."""

    def read_float32(self, where: Slices) -> NDArray[np.float32]:
        """Read part of the volume (z, y, x) into memory."""
        return np.array(self.read(where), np.float32)


@dataclass(frozen=True)
class Content:
    """Bytes of a file, or of its decompressed copy, a file without a name that ends with this."""

    path: Path
    """File named by the user, for messages."""
    descriptor: int | None = None
    """Open decompressed copy."""

    def open(self) -> BinaryIO:
        """Open the bytes for reading."""
        if self.descriptor is None:
            return self.path.open("rb")
        return os.fdopen(os.dup(self.descriptor), "rb")

    def size(self) -> int:
        """Return the number of bytes."""
        with self.open() as stream:
            return stream.seek(0, os.SEEK_END)

    def start(self, count: int) -> bytes:
        """Read the first bytes."""
        with self.open() as stream:
            stream.seek(0)
            return stream.read(count)

    def map(
        self,
        dtype: np.dtype[Any],
        offset: int,
        shape: tuple[int, ...],
        where: Slices,
        order: tuple[int, ...] = (0, 1, 2),
    ) -> NDArray[Any]:
        """Map part of an array; `order` are its axes in the file that become z, y and x."""
        with self.open() as stream:  # mapped anew each time: pages once read would count as ours
            return np.memmap(stream, dtype, "r", offset, shape).transpose(order)[where]


def file_content(path: Path) -> Content:
    """Return the content of a file, decompressed if it is a gzip or bzip2 file.

    Raises:
        DataError: the file is missing or damaged.
        WriteError: there is no room for the decompressed copy.
    """
    try:
        content = Content(path)
        magic = content.start(3)
        if magic[:2] == b"\x1f\x8b":
            return unpacked(path, _chunks(gzip.open(path)))
        return unpacked(path, _chunks(bz2.open(path))) if magic == b"BZh" else content
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(cannot_be_read(path, "readable volume", str(error), REMAKE)) from error


def _chunks(source: gzip.GzipFile | bz2.BZ2File) -> Iterator[bytes]:
    with source:
        while chunk := source.read(_CHUNK_BYTES):
            yield chunk


def unpacked(path: Path, chunks: Iterable[bytes | memoryview]) -> Content:
    """Return decompressed bytes of a file, held in a temporary file without a name.

    Raises WriteError if there is no room for it.
    """
    descriptor, name = tempfile.mkstemp(prefix="ssn3d-")
    Path(name).unlink()
    content = Content(path, descriptor)
    weakref.finalize(content, os.close, descriptor)
    try:
        with os.fdopen(os.dup(descriptor), "wb") as target:
            target.writelines(chunks)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        folder = tempfile.gettempdir()
        raise WriteError(
            f"{path}: no room in {folder} to decompress it; free some space there, or set TMPDIR"
        ) from error
    return content
