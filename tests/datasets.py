"""Shards for tests: subtomograms of which only what a test is about has to be given."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssn3d.particles import Particles
from ssn3d.subtomograms.store import Origin, write_shard

ORIGIN = Origin("A", "t1", "centred", snr_asked=0.5, snr_measured=0.5, voxel_size_angstrom=10.0)


def write_images(
    path: Path,
    images: NDArray[Any],
    masks: NDArray[Any] | None = None,
    *,
    pdb_ids: NDArray[np.str_] | None = None,
    labels: NDArray[Any] | None = None,
    centres: NDArray[Any] | None = None,
    rotations: NDArray[Any] | None = None,
    provenance: dict[str, Any] | None = None,
    **origin: Any,
) -> Path:
    """Write a shard of images (n, s, s, s): of 1AAA, in tomogram t1, in dataset A."""
    n = len(images)
    particles = Particles(
        np.full(n, "1AAA") if pdb_ids is None else pdb_ids,
        np.zeros((n, 3)) if centres is None else centres,
        np.tile(np.eye(3), (n, 1, 1)) if rotations is None else rotations,
    )
    write_shard(
        path,
        replace(ORIGIN, **origin),
        particles,
        np.arange(1, n + 1) if labels is None else labels,
        zip(images, np.zeros(images.shape, bool) if masks is None else masks, strict=True),
        size_voxels=images.shape[-1],
        provenance=provenance or {},
    )
    return path


def particles_of(centres, pdb_ids="1AAA", rotations=None):
    """Particles at these centres (n, 3): all of 1AAA and not rotated, unless given."""
    n = len(centres)
    turned = np.tile(np.eye(3), (n, 1, 1)) if rotations is None else rotations
    return Particles(np.full(n, pdb_ids), np.array(centres, dtype=np.float64), turned)
