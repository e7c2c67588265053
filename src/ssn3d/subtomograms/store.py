"""A dataset as one HDF5 file: standardised images, masks, and where each came from."""

import json
import os
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from ssn3d.errors import DataError
from ssn3d.hdf5 import new_hdf5
from ssn3d.provenance import fingerprint
from ssn3d.subtomograms.selection import selection_sha256

_FORMAT = "ssn3d subtomograms 1"


@dataclass(frozen=True)
class Subtomograms:
    """The subtomograms of one dataset."""

    images: NDArray[np.float16]
    """(n, s, s, s), each of mean 0 and standard deviation 1; protein is negative."""
    masks: NDArray[np.uint8]
    """(n, s, s, s), 1 where the centred particle is."""
    pdb_ids: NDArray[np.str_]
    """(n,) of the centred particle."""
    tomograms: NDArray[np.str_]
    """(n,) the tomogram it was cut from."""
    labels: NDArray[np.int32]
    """(n,) its row in that tomogram's STAR file, from 1."""
    centres: NDArray[np.float64]
    """(n, 3) its centre in that tomogram, (z, y, x) in voxels."""
    rotations: NDArray[np.float64]
    """(n, 3, 3) its rotation in (z, y, x)."""
    dataset: str
    snr_asked: float
    snr_measured: float
    voxel_size_angstrom: float

    def __len__(self) -> int:
        """Count the subtomograms."""
        return len(self.images)

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of all fields: equal for equal data, whenever they were written."""
        content = vars(self)
        values = {name: value for name, value in content.items() if np.isscalar(value)}
        arrays = [value for value in content.values() if isinstance(value, np.ndarray)]
        return fingerprint(values, *arrays)

    @property
    def selection_sha256(self) -> str:
        """Digest of the selected particles; splits of this dataset have the same."""
        return selection_sha256(self.tomograms, self.labels, self.pdb_ids)


def write_subtomograms(
    path: str | os.PathLike[str], subtomograms: Subtomograms, provenance: dict[str, Any]
) -> None:
    """Write a dataset; data and metadata have checksums, so that reading notices damage."""
    s = subtomograms
    with new_hdf5(path) as file:
        chunk = (1, *s.images.shape[1:])
        file.create_dataset("images", data=s.images, chunks=chunk, fletcher32=True)
        file.create_dataset(
            "masks", data=s.masks, chunks=chunk, fletcher32=True, compression="gzip"
        )
        for name, values in {
            "pdb_id": np.char.encode(s.pdb_ids, "ascii"),
            "tomogram": np.char.encode(s.tomograms, "ascii"),
            "label": s.labels,
            "centre_zyx": s.centres,
            "rotation_zyx": s.rotations,
        }.items():
            file.create_dataset(name, data=values, chunks=values.shape, fletcher32=True)
        file.attrs.update(
            format=_FORMAT,
            dataset=s.dataset,
            snr_asked=s.snr_asked,
            snr_measured=s.snr_measured,
            voxel_size_angstrom=s.voxel_size_angstrom,
            provenance=json.dumps(provenance),
        )


def read_subtomograms(path: str | os.PathLike[str]) -> Subtomograms:
    """Read a dataset into memory.

    Raises:
        DataError: the file is missing, truncated, damaged, or not a dataset of ssn3d.
    """
    try:
        with h5py.File(path, "r") as file:
            if file.attrs["format"] != _FORMAT:
                found = f"format {file.attrs['format']!r}, expected {_FORMAT!r}"
                raise DataError(f"{path}: {found}; delete it and rerun")
            subtomograms = Subtomograms(
                images=file["images"][:],
                masks=file["masks"][:],
                pdb_ids=np.char.decode(file["pdb_id"][:], "ascii"),
                tomograms=np.char.decode(file["tomogram"][:], "ascii"),
                labels=file["label"][:],
                centres=file["centre_zyx"][:],
                rotations=file["rotation_zyx"][:],
                dataset=str(file.attrs["dataset"]),
                snr_asked=float(file.attrs["snr_asked"]),
                snr_measured=float(file.attrs["snr_measured"]),
                voxel_size_angstrom=float(file.attrs["voxel_size_angstrom"]),
            )
    except (OSError, KeyError, ValueError, RuntimeError, TypeError) as error:
        message = f"{path}: not a readable dataset of ssn3d ({error}); delete it and rerun"
        raise DataError(message) from error
    _check(path, subtomograms)
    return subtomograms


def _check(path: str | os.PathLike[str], s: Subtomograms) -> None:
    """Raise DataError unless images and masks are finite cubes of one shape."""
    cube = s.images.ndim == 4 and len(set(s.images.shape[1:])) == 1  # noqa: PLR2004 -- n cubes
    if not cube or not len(s) or s.masks.shape != s.images.shape or len(s.pdb_ids) != len(s):
        message = f"{path}: images {s.images.shape} and masks {s.masks.shape} do not match"
        raise DataError(f"{message}; delete it and rerun")
    if s.masks.max() > 1 or not np.isfinite(s.images).all():
        raise DataError(f"{path}: images or masks are damaged; delete it and rerun")
