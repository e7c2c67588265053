"""Subtomograms on disk: one HDF5 file, a shard, for each tomogram and dataset.

    images        (n, s, s, s) float16   mean 0, standard deviation 1, protein negative
    masks         (n, s, s, s) uint8     1 in the target; for target classes, number of the class
    pdb_id        (n,)                   of the centred particle; any for target classes
    label         (n,)                   its row in the tomogram's STAR file, from 1
    centre_zyx    (n, 3)                 its centre in the tomogram, in voxels
    rotation_zyx  (n, 3, 3)              its rotation
    attributes    format, dataset, tomogram, target, snr_asked, snr_measured, voxel_size_angstrom,
                  sha256 (of all of the above), provenance (JSON)

Every subtomogram is a separate chunk with a checksum, so that a few can be read without the others.
No function holds all images of a shard at once.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from ssn3d.core.errors import DataError
from ssn3d.core.particles import Particles
from ssn3d.core.provenance import fingerprint
from ssn3d.experiment.runs import JOIN
from ssn3d.io.files import DELETE, PathLike
from ssn3d.io.hdf5 import FAULTS, hdf5_cannot_be_read, new_hdf5
from ssn3d.subtomograms.samples import Rows

_FORMAT = "ssn3d subtomograms 2"

Cube = tuple[NDArray[np.floating[Any]], NDArray[np.bool_ | np.uint8]]
"""The image and the mask of one subtomogram, (s, s, s)."""


@dataclass(frozen=True)
class Origin:
    """Properties that all subtomograms of a shard share."""

    dataset: str
    tomogram: str
    target: str
    """centred: masks of the centred particle; all: of every particle; classes: of every class."""
    snr_asked: float
    snr_measured: float
    voxel_size_angstrom: float


@dataclass(frozen=True)
class Shard:
    """An open shard: metadata of its subtomograms; images and masks stay on disk."""

    path: Path
    origin: Origin
    particles: Particles
    """(n,) the centred particles."""
    labels: NDArray[np.int64]
    """(n,) their rows in the tomogram's STAR file, from 1."""
    size_voxels: int
    sha256: str
    """SHA-256 of the content; equal for equal data, whenever written."""
    centre_error_angstrom: float = 0.0
    """Standard deviation of the particles from the middles of their cubes, along each axis."""

    def __len__(self) -> int:
        return len(self.labels)

    def read(self, rows: Rows) -> tuple[NDArray[np.float16], NDArray[np.uint8]]:
        """Images and masks (m, s, s, s) at `rows` (m,). Raises DataError if they are damaged."""
        images = np.empty((len(rows), *(self.size_voxels,) * 3), np.float16)
        masks = np.empty(images.shape, np.uint8)
        try:
            with h5py.File(self.path, "r") as file:
                for into, stored in ((images, file["images"]), (masks, file["masks"])):
                    for place, row in enumerate(rows):  # h5py takes lists 30 times as slowly
                        into[place] = stored[row]
        except FAULTS as error:
            raise _unreadable(self.path, error) from error
        return images, masks


@dataclass(frozen=True)
class Dataset:
    """The subtomograms of several tomograms at one or more SNRs, numbered through all shards."""

    shards: tuple[Shard, ...]

    @cached_property
    def _ends(self) -> NDArray[np.int64]:
        """Numbers of subtomograms up to the end of each shard."""
        return np.cumsum([len(shard) for shard in self.shards])

    def __len__(self) -> int:
        return int(self._ends[-1])

    @property
    def name(self) -> str:
        """Name of the dataset; those of several are joined, as in `A+B+C`."""
        return JOIN.join(dict.fromkeys(shard.origin.dataset for shard in self.shards))

    @property
    def size_voxels(self) -> int:
        """Edge of a subtomogram."""
        return self.shards[0].size_voxels

    @property
    def voxel_size_angstrom(self) -> float:
        """Voxel size of all subtomograms."""
        return self.shards[0].origin.voxel_size_angstrom

    @cached_property
    def pdb_ids(self) -> NDArray[np.str_]:
        """(n,) classes of the centred particles."""
        return np.concatenate([shard.particles.pdb_ids for shard in self.shards])

    @cached_property
    def labels(self) -> NDArray[np.int64]:
        """(n,) rows of the particles in their tomogram's STAR file, from 1."""
        return np.concatenate([shard.labels for shard in self.shards])

    @cached_property
    def tomograms(self) -> NDArray[np.str_]:
        """(n,) tomogram of each subtomogram."""
        return self._of_each([shard.origin.tomogram for shard in self.shards])

    @cached_property
    def datasets(self) -> NDArray[np.str_]:
        """(n,) dataset of each subtomogram."""
        return self._of_each([shard.origin.dataset for shard in self.shards])

    def _of_each(self, of_shards: Sequence[str]) -> NDArray[np.str_]:
        return np.repeat(np.array(of_shards), [len(shard) for shard in self.shards])

    @property
    def digests(self) -> dict[str, str]:
        """SHA-256 of each shard, by dataset and tomogram, as in `A/t1`."""
        return {"/".join(_names(shard)): shard.sha256 for shard in self.shards}

    def read(self, rows: Rows) -> tuple[NDArray[np.float16], NDArray[np.uint8]]:
        """Images and masks (m, s, s, s) at `rows` (m,). Raises DataError for a damaged shard."""
        shape = (len(rows), *(self.size_voxels,) * 3)
        images, masks = np.empty(shape, np.float16), np.empty(shape, np.uint8)
        of_shard = np.searchsorted(self._ends, rows, side="right")
        for number in np.unique(of_shard):
            shard, there = self.shards[number], of_shard == number
            start = self._ends[number] - len(shard)
            images[there], masks[there] = shard.read(rows[there] - start)
        return images, masks

    def read_one(self, tomogram: str, label: int) -> tuple[NDArray[np.float16], NDArray[np.uint8]]:
        """Image and mask (s, s, s) of a particle. Raises DataError if there is none."""
        rows = np.flatnonzero((self.tomograms == tomogram) & (self.labels == label))
        if not len(rows):
            raise DataError(f"{self.shards[0].path.parent}: no label {label} of {tomogram}")
        (image,), (mask,) = self.read(rows)
        return image, mask


def write_shard(
    path: PathLike,
    origin: Origin,
    particles: Particles,
    labels: NDArray[np.int64],
    cubes: Iterable[Cube],
    *,
    size_voxels: int,
    provenance: Mapping[str, Any],
) -> None:
    """Write a shard; `cubes` are the image and the mask of each particle, (s, s, s), in order."""
    columns = {
        "pdb_id": np.char.encode(particles.pdb_ids, "ascii"),
        "label": np.asarray(labels, np.int64),
        "centre_zyx": particles.centres,
        "rotation_zyx": particles.rotations,
    }
    digest = hashlib.sha256(fingerprint(vars(origin), *columns.values()).encode())
    shape = (len(labels), *(size_voxels,) * 3)
    with new_hdf5(path) as file:
        made: dict[str, Any] = {"shape": shape, "chunks": (1, *shape[1:]), "fletcher32": True}
        images = file.create_dataset("images", dtype=np.float16, **made)
        masks = file.create_dataset("masks", dtype=np.uint8, compression="gzip", **made)
        for row, (image, mask) in enumerate(cubes):
            half = image.astype(np.float16)  # HDF5 takes four times as long to convert
            images[row], masks[row] = half, mask.view(np.uint8)
            digest.update(half.tobytes())
            digest.update(np.packbits(mask).tobytes() if mask.dtype == bool else mask.tobytes())
        for name, values in columns.items():
            file.create_dataset(name, data=values, chunks=values.shape, fletcher32=True)
        file.attrs.update(
            format=_FORMAT,
            sha256=digest.hexdigest(),
            provenance=json.dumps(provenance),
            **vars(origin),
        )


def open_shard(path: PathLike) -> Shard:
    """Open a shard.

    Raises DataError if the file is missing, truncated, damaged, or not a shard of ssn3d.
    """
    try:
        with h5py.File(path, "r") as file:
            attributes = dict(file.attrs)
            if attributes["format"] != _FORMAT:
                found = f"format {attributes['format']!r}, expected {_FORMAT!r}"
                raise DataError(f"{path}: {found}; {DELETE}")
            pdb_ids = np.char.decode(file["pdb_id"][:], "ascii")
            labels = file["label"][:]
            particles = Particles(pdb_ids, file["centre_zyx"][:], file["rotation_zyx"][:])
            shapes = file["images"].shape, file["masks"].shape
            fields = Origin.__annotations__
            origin = Origin(**{name: fields[name](attributes[name]) for name in fields})
            sha256 = str(attributes["sha256"])
            settings = json.loads(attributes["provenance"]).get("settings", {})
            off_centre = float(settings.get("centre_error_angstrom", 0.0))
    except FAULTS as error:
        raise _unreadable(path, error) from error
    size = shapes[0][-1]
    expected = (len(labels), size, size, size)
    if not len(labels) or len(pdb_ids) != len(labels) or shapes != (expected, expected):
        message = f"{path}: images {shapes[0]} and masks {shapes[1]} do not match"
        raise DataError(f"{message}; {DELETE}")
    return Shard(Path(path), origin, particles, labels, size, sha256, off_centre)


def open_dataset(paths: Sequence[PathLike]) -> Dataset:
    """Open the shards of a dataset, or of several to train on together.

    Raises DataError if one is damaged, differs from the first in target, size or voxel size, or
    repeats the dataset and tomogram of another one.
    """
    shards = [open_shard(path) for path in paths]
    first, seen = _kind(shards[0]), dict[tuple[str, str], Path]()
    for shard in shards:
        for what, found in _kind(shard).items():
            if found != first[what]:
                message = f"{shard.path}: {what} is {found}, but {first[what]} in {shards[0].path}"
                raise DataError(f"{message}; give shards of one kind")
        dataset, tomogram = names = _names(shard)
        if names in seen:
            other = seen[names]
            message = f"{shard.path}: has dataset {dataset} and tomogram {tomogram}, like {other}"
            raise DataError(f"{message}; leave one out")
        seen[names] = shard.path
    return Dataset(tuple(shards))


def _names(shard: Shard) -> tuple[str, str]:
    return shard.origin.dataset, shard.origin.tomogram


def _kind(shard: Shard) -> dict[str, object]:
    """What all shards of a dataset have in common."""
    kind = {name: getattr(shard.origin, name) for name in ("target", "voxel_size_angstrom")}
    return kind | {"size_voxels": shard.size_voxels}


def _unreadable(path: PathLike, error: Exception) -> DataError:
    return DataError(hdf5_cannot_be_read(path, "readable shard of ssn3d", error))
