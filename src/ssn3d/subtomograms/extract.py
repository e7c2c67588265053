"""Cubic crops around particles, with masks of the target."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ssn3d.core.cubes import crop, crop_corners, standardise
from ssn3d.core.errors import DataError
from ssn3d.core.parallel import parallel_results
from ssn3d.core.particles import Particles
from ssn3d.subtomograms.store import Cube


def cut(
    volume: NDArray[np.float32],
    labels: NDArray[np.uint16],
    particles: Particles,
    ids: NDArray[np.int_],
    size: int,
    *,
    target: str = "centred",
    errors_voxels: NDArray[np.float64] | float = 0.0,
) -> Iterator[Cube]:
    """Yield each particle's standardised image and its mask, cubes of `size` voxels.

    `volume` and `labels` are (z, y, x); `ids` (n,) are the particles' labels. The mask is that of
    the `centred` particle, or of `all` particles in the cube. With errors (n, 3) the cubes are off
    the particles' centres, but inside the tomogram.
    """

    def cube(place: tuple[NDArray[np.int_], np.int_]) -> Cube:
        corner, label = place
        inside = crop(labels, corner, size)
        mask = inside == label if target == "centred" else inside > 0
        image = standardise(crop(volume, corner, size))
        if not image.any():
            raise DataError("a subtomogram is constant; its tomogram is damaged or empty")
        return image, mask

    corners = crop_corners(particles.centres + errors_voxels, size)
    corners = corners.clip(0, np.array(volume.shape) - size)
    yield from parallel_results(cube, zip(corners, ids, strict=True))
