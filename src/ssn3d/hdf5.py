"""HDF5 files that are written completely or not at all."""

import io
from collections.abc import Iterator
from contextlib import contextmanager

import h5py

from ssn3d.files import PathLike, atomic_path


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
