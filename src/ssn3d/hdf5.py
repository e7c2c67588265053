"""HDF5 files that appear whole or not at all."""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager

import h5py

from ssn3d.files import atomic_path


@contextmanager
def new_hdf5(path: str | os.PathLike[str]) -> Iterator[h5py.File]:
    """Give an empty HDF5 file in memory, written to `path` when the block ends without an error.

    On a full disk HDF5 itself does not fail but crashes, and takes the message with it.
    """
    content = io.BytesIO()
    with h5py.File(content, "w", libver="latest") as file:
        yield file
    with atomic_path(path) as partial:
        partial.write_bytes(content.getbuffer())
