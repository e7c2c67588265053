"""Cubes at random places of a tomogram, with the class of every voxel.

A quarter of the places are anywhere; for each of the others a class is drawn among those that the
tomogram contains, then a voxel of that class, which lies anywhere in the cube. Rare classes are
therefore seen as often as frequent ones, and in all parts of a cube.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ssn3d.core.classes import BACKGROUND, MACROMOLECULE
from ssn3d.core.cubes import crop
from ssn3d.core.particles import Particles
from ssn3d.core.standard import standard_scale, standardise_volume

ANY_CLASS = "any"
"""Class of the particles that stand for places."""
ANYWHERE_FRACTION = 0.25
_MACROMOLECULE_SHARE = 3.0
"""Weight of macromolecules when a class is drawn; the others have 1."""
_VOXELS_OF_CLASS = 100_000
"""Voxels of a class among which a place is drawn."""


def choose_corners(
    classes: NDArray[np.uint8], size: int, count: int, rng: np.random.Generator
) -> NDArray[np.int_]:
    """First voxels (count, 3) of random cubes of a volume (z, y, x) of classes."""
    highest = np.array(classes.shape) - size
    corners = rng.integers(0, highest + 1, size=(count, 3))
    known = np.unique(classes)
    voxels = [_voxels_of(classes, number, rng) for number in known]
    weights = np.where(known == MACROMOLECULE, _MACROMOLECULE_SHARE, 1.0) * (known != BACKGROUND)
    if not weights.any():
        return corners
    aimed = rng.random(count) >= ANYWHERE_FRACTION
    for row in np.flatnonzero(aimed):
        places = voxels[rng.choice(len(known), p=weights / weights.sum())]
        within = rng.integers(0, size, size=3)
        corners[row] = np.clip(places[rng.integers(len(places))] - within, 0, highest)
    return corners


def particles_at(places: NDArray[np.int_]) -> Particles:
    """Table of places (n, 3), as particles without a class and a rotation."""
    rotations = np.broadcast_to(np.eye(3), (len(places), 3, 3)).copy()
    return Particles(np.full(len(places), ANY_CLASS), places.astype(float), rotations)


def _voxels_of(
    classes: NDArray[np.uint8], number: int, rng: np.random.Generator
) -> NDArray[np.int_]:
    """Draw voxels (n, 3) of a class."""
    flat = np.flatnonzero(classes == number)
    if len(flat) > _VOXELS_OF_CLASS:
        flat = np.sort(rng.choice(flat, _VOXELS_OF_CLASS))
    return np.stack(np.unravel_index(flat, classes.shape), axis=1)


def cut_places(
    volume: NDArray[np.float32],
    classes: NDArray[np.uint8],
    corners: NDArray[np.int_],
    size: int,
) -> Iterator[tuple[NDArray[np.float32], NDArray[np.uint8]]]:
    """Yield the image, standardised by the whole volume, and the classes of each cube."""
    standard = standard_scale(volume)
    for corner in corners:
        yield standardise_volume(crop(volume, corner, size), standard), crop(classes, corner, size)
