"""Candidates for a target: peaks of its probability that have its size."""

import numpy as np
from numpy.typing import NDArray

from ssn3d.core.cubes import lies_inside
from ssn3d.core.particles import Particles
from ssn3d.find.calibration import Scored
from ssn3d.picking.blocks import Read
from ssn3d.picking.pick import Choice, Picks, pick_sized
from ssn3d.picking.scoring import match
from ssn3d.picking.segmentation import Values
from ssn3d.structures.surrogates import PROTEIN_ANGSTROM3_PER_DALTON

LEAST_SCORE = 0.1
"""Minimum height of a peak, relative to that of a ball of probability 1. Lower ones are noise."""
_FEWEST_DIAMETER_VOXELS = 2.0


def diameter_angstrom(mass_dalton: float, voxel_size_angstrom: float) -> float:
    """Diameter of a sphere of protein of this mass, at least two voxels."""
    volume = mass_dalton * PROTEIN_ANGSTROM3_PER_DALTON
    least = _FEWEST_DIAMETER_VOXELS * voxel_size_angstrom
    return float(max((6 / np.pi * volume) ** (1 / 3), least))


def find_candidates(
    read: Read, shape: tuple[int, ...], voxel_size_angstrom: float, diameter: float
) -> Picks:
    """Find the peaks of a target's probability (z, y, x); the diameter is in angstrom."""
    choice = Choice(LEAST_SCORE, most=None, distance_angstrom=None, mask=None)
    values = Values("probability")
    return pick_sized(read, shape, voxel_size_angstrom, diameter, choice, values=values)


def compare(
    centres: NDArray[np.float64],
    scores: NDArray[np.float64],
    truth: Particles,
    target: str,
    *,
    shape: tuple[int, ...],
    distance_voxels: float,
) -> Scored:
    """Compare candidates (n, 3) in voxels with the particles of a simulated tomogram (z, y, x).

    Only particles of the target with their centres inside the tomogram count.
    """
    inside = lies_inside(truth.centres, 1, shape) & (truth.pdb_ids == target)
    pairs = match(centres, truth.centres[inside], distance_voxels)
    correct = np.zeros(len(centres), dtype=bool)
    correct[pairs.picks] = True
    return Scored(scores, correct, int(inside.sum()))
