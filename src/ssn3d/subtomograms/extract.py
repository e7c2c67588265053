"""Cubic crops around particles, and the masks of the centred particle alone."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ssn3d.crops import crop, crop_corners, lies_inside
from ssn3d.errors import DataError
from ssn3d.particles import Particles


def standardise(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Shift and scale to mean 0 and standard deviation 1. Raises DataError where it is flat."""
    spread = image.std(dtype=np.float64)
    if not spread > 0:
        raise DataError("a subtomogram is constant; its tomogram is damaged or empty")
    return np.asarray((image - image.mean(dtype=np.float64)) / spread, dtype=np.float32)


def choose(
    particles_of_tomograms: Sequence[Particles],
    size: int,
    shape: tuple[int, int, int],
    count: int,
    rng: np.random.Generator,
    *,
    balanced: bool,
) -> list[NDArray[np.int_]]:
    """Draw `count` particles whose crops lie inside: their rows in each tomogram, ascending.

    With `balanced`, rare classes are taken whole and the others share what is left equally.

    Raises:
        DataError: fewer lie inside than are asked for.
    """
    inside = [
        np.flatnonzero(lies_inside(particles.centres, size, shape))
        for particles in particles_of_tomograms
    ]
    tomogram = np.repeat(np.arange(len(inside)), [len(rows) for rows in inside])
    row = np.concatenate(inside)
    if len(row) < count:
        raise DataError(
            f"subtomograms.count: {count} asked for, {len(row)} crops of {size} voxels lie inside; "
            "ask for fewer, or for more particles or tomograms (specimen)"
        )
    order = rng.permutation(len(row))
    if balanced:
        classes = np.concatenate(
            [p.pdb_ids[rows] for p, rows in zip(particles_of_tomograms, inside, strict=True)]
        )
        rank_in_class = pd.Series(classes[order]).groupby(classes[order]).cumcount()
        order = order[np.argsort(rank_in_class, kind="stable")]
    chosen = np.sort(order[:count])
    return [row[chosen[tomogram[chosen] == t]] for t in range(len(inside))]


def cut(
    volume: NDArray[np.float32],
    labels: NDArray[np.uint16],
    particles: Particles,
    ids: NDArray[np.int_],
    size: int,
) -> Iterator[tuple[NDArray[np.float32], NDArray[np.bool_]]]:
    """Give each particle's standardised image and the mask of it alone, cubes of `size`.

    `volume` and `labels` are (z, y, x); `ids` (n,) are the particles' labels.
    """
    for corner, label in zip(crop_corners(particles.centres, size), ids, strict=True):
        yield standardise(crop(volume, corner, size)), crop(labels, corner, size) == label
