"""Noisy tomogram of asymmetric molecules, reconstructed from a tilt series."""

from typing import NamedTuple

import numpy as np
from scipy.spatial.transform import Rotation

from ssn3d.core.particles import Particles
from ssn3d.core.seeds import generator
from ssn3d.microscope.projector import Projector
from ssn3d.microscope.reconstruct import reconstruct
from ssn3d.specimen.volume import Grid, render
from ssn3d.structures.maps import density_map

VOXEL_ANGSTROM, RESOLUTION_ANGSTROM = 10.0, 40.0
TILTS_DEG = np.linspace(-60, 60, 41)
SIZE = 26
"""Edge of the boxes; no box holds two particles."""


class Specimen(NamedTuple):
    """A noisy tomogram with the missing wedge, and its truth."""

    tomogram: np.ndarray
    labels: np.ndarray
    particles: Particles
    map: np.ndarray
    """(SIZE, SIZE, SIZE), map of the first molecule, dark."""


def tilted_specimen(*molecules):
    """Place 32 copies of the molecules in random poses; noise is as strong as the particles."""
    rng = generator(0, "averaging")
    places = np.stack(np.meshgrid([16], *[np.arange(6) * 24 + 16] * 2, indexing="ij"), axis=-1)
    centres = places.reshape(-1, 3)[:32] + rng.uniform(-0.5, 0.5, (32, 3))
    rotations = Rotation.random(32, rng=rng).as_matrix()
    structures = dict(zip(("1AAA", "1BBB"), molecules, strict=False))
    particles = Particles(np.resize(list(structures), 32), centres, rotations)
    grid = Grid(VOXEL_ANGSTROM, RESOLUTION_ANGSTROM)
    density, labels = render(structures, particles, (32, 152, 152), grid, 60.0)
    projector = Projector(32, 152, TILTS_DEG)
    tilts = projector.project(-density)
    tilts += rng.normal(size=tilts.shape, scale=tilts.std()).astype(np.float32)
    return Specimen(
        reconstruct(tilts, projector, 3.0),
        labels,
        particles,
        -density_map(*molecules[0], VOXEL_ANGSTROM, RESOLUTION_ANGSTROM, size=SIZE),
    )
