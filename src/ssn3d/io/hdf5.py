"""HDF5 files: written completely or not at all; messages for those that cannot be read."""

import errno
import io
from collections.abc import Iterator
from contextlib import contextmanager

import h5py

from ssn3d.io.files import DELETE, PathLike, atomic_path, cannot_be_read


@contextmanager
def new_hdf5(path: PathLike) -> Iterator[h5py.File]:
    """Yield an empty HDF5 file in memory; write it to `path` when the block succeeds.

    On a full disk HDF5 itself would crash the process without a message.
    """
    content = io.BytesIO()
    with h5py.File(content, "w", libver="latest") as file:
        yield file
    with atomic_path(path) as partial:
        partial.write_bytes(content.getbuffer())


_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}
FAULTS = (OSError, KeyError, ValueError, RuntimeError, TypeError)
"""Exceptions that h5py raises for files that are missing, damaged or of other content."""


def hdf5_cannot_be_read(path: PathLike, kind: str, error: Exception, remedy: str = DELETE) -> str:
    """Return the message of `cannot_be_read`, or that the file is locked or cannot be locked."""
    number = error.errno if isinstance(error, OSError) else None
    if number in _NO_LOCKS:
        return (
            f"{path}: its file system has no locks ({error}); set the environment variable "
            "HDF5_USE_FILE_LOCKING=FALSE"
        )
    if number == errno.EAGAIN or "unable to lock file" in str(error):
        return (
            f"{path}: another process has it open for writing, or its file system has no locks "
            f"({error}); wait for that process, or set HDF5_USE_FILE_LOCKING=FALSE"
        )
    return cannot_be_read(path, kind, error, remedy)
