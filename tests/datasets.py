"""Particles and shards for tests: only what a test is about has to be given."""

from pathlib import Path

import numpy as np

from ssn3d.core.particles import Particles
from ssn3d.microscope.snr import aligned_crops, snr_of_crops
from ssn3d.subtomograms.splits import write_split
from ssn3d.subtomograms.store import Dataset, Origin, Shard, open_dataset, write_shard


def particles_of(centres, pdb_ids="1AAA", rotations=None):
    """Particles at these centres (n, 3): all of 1AAA and not rotated, unless given."""
    n = len(centres)
    turned = np.tile(np.eye(3), (n, 1, 1)) if rotations is None else rotations
    return Particles(np.full(n, pdb_ids), np.array(centres, dtype=np.float64), turned)


def measure_snr(volume, particles, mask):
    """SNR of a tomogram, from the aligned crops of one complex."""
    return snr_of_crops(aligned_crops(volume, particles, len(mask)), mask)


def origin_of(tomogram="t1", **others):
    """What the subtomograms of a shard of dataset A have in common."""
    snr = {"snr_asked": 0.5, "snr_measured": 0.5}
    fields = {"dataset": "A", "target": "centred", "voxel_size_angstrom": 10.0, **snr}
    return Origin(tomogram=tomogram, **(fields | others))


def dataset_of(particles, size_voxels):
    """A dataset of one shard without a file: what its subtomograms are, but no images."""
    labels = np.arange(1, len(particles) + 1)
    shard = Shard(Path("t1.h5"), origin_of(), particles, labels, size_voxels, sha256="")
    return Dataset((shard,))


def write_shard_of(
    path, images, masks=None, particles=None, labels=None, provenance=None, **origin
):
    """Write subtomograms (n, s, s, s), by default of the tomogram that the file is named after.

    Masks are empty unless given. Returns the path.
    """
    write_shard(
        path,
        origin_of(**({"tomogram": path.stem} | origin)),
        particles_of(np.zeros((len(images), 3))) if particles is None else particles,
        np.arange(1, len(images) + 1) if labels is None else labels,
        zip(images, np.zeros_like(images, np.uint8) if masks is None else masks, strict=True),
        size_voxels=images.shape[-1],
        provenance=provenance or {},
    )
    return path


def write_split_of(path, shards, parts):
    """Write the part of each subtomogram of some shards; return their dataset."""
    dataset = open_dataset(shards)
    write_split(path, dataset.tomograms, dataset.labels, dataset.pdb_ids, np.array(parts))
    return dataset
