"""Datasets for tests: subtomograms of which only what a test is about has to be given."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssn3d.particles import Particles
from ssn3d.subtomograms.store import Subtomograms


def subtomograms_of(images: NDArray[Any], **fields: Any) -> Subtomograms:
    """Subtomograms with these images (n, s, s, s): of 1AAA, in tomogram t1, in dataset A."""
    n = len(images)
    others = {
        "masks": np.zeros(images.shape, np.uint8),
        "pdb_ids": np.full(n, "1AAA"),
        "tomograms": np.full(n, "t1"),
        "labels": np.arange(1, n + 1, dtype=np.int32),
        "centres": np.zeros((n, 3)),
        "rotations": np.tile(np.eye(3), (n, 1, 1)),
        "dataset": "A",
        "snr_asked": 0.5,
        "snr_measured": 0.5,
        "voxel_size_angstrom": 10.0,
    }
    return Subtomograms(images=images.astype(np.float16), **(others | fields))


def particles_of(centres, pdb_ids="1AAA", rotations=None):
    """Particles at these centres (n, 3): all of 1AAA and not rotated, unless given."""
    n = len(centres)
    turned = np.tile(np.eye(3), (n, 1, 1)) if rotations is None else rotations
    return Particles(np.full(n, pdb_ids), np.array(centres, dtype=np.float64), turned)
