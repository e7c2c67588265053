"""Cubic crops around particles, with masks of the target."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ssn3d.core.cubes import crop, crop_corners
from ssn3d.core.errors import DataError
from ssn3d.core.particles import Particles


def standardise(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Shift and scale to mean 0 and standard deviation 1. Raises DataError if it is constant."""
    spread = image.std(dtype=np.float64)
    if not spread > 0:
        raise DataError("a subtomogram is constant; its tomogram is damaged or empty")
    return np.asarray((image - image.mean(dtype=np.float64)) / spread, dtype=np.float32)


def cut(
    volume: NDArray[np.float32],
    labels: NDArray[np.uint16],
    particles: Particles,
    ids: NDArray[np.int_],
    size: int,
    *,
    target: str = "centred",
) -> Iterator[tuple[NDArray[np.float32], NDArray[np.bool_]]]:
    """Yield each particle's standardised image and its mask, cubes of `size` voxels.

    `volume` and `labels` are (z, y, x); `ids` (n,) are the particles' labels. The mask is that of
    the `centred` particle, or of `all` particles in the cube.
    """
    for corner, label in zip(crop_corners(particles.centres, size), ids, strict=True):
        inside = crop(labels, corner, size)
        mask = inside == label if target == "centred" else inside > 0
        yield standardise(crop(volume, corner, size)), mask
