"""Candidates for a target, and their comparison with its map.

Candidates are the peaks of a filter of the target's diameter: in the probability of macromolecule
that a network gives, and the highest ones in the tomogram itself, where the network may be wrong.
Those that the network takes for membranes, filaments, gold, dirt or carbon are left out.
"""

import numpy as np
from numpy.typing import NDArray

from ssn3d.core.blas import one_blas_thread
from ssn3d.core.classes import FILAMENT, MEMBRANE, OTHER
from ssn3d.core.cubes import lies_inside
from ssn3d.core.log import logger
from ssn3d.core.particles import Particles
from ssn3d.find.rivals import Candidates, highest_near
from ssn3d.find.templates import compare_with_target
from ssn3d.io.stored_volume import StoredVolume
from ssn3d.io.tomogram import IsData, Tomogram
from ssn3d.picking.balls import around
from ssn3d.picking.pick import DISTANCE_OF_DIAMETER, Choice, Picks, pick_blobs, pick_sized
from ssn3d.picking.scoring import match
from ssn3d.picking.segmentation import Values
from ssn3d.picking.select import non_max_suppression
from ssn3d.structures.structure import Structure
from ssn3d.structures.surrogates import PROTEIN_ANGSTROM3_PER_DALTON

LEAST_SCORE = 0.1
"""Minimum height of a peak of the probability, relative to that of a ball of probability 1."""
MOST_OF_EACH = 1000
"""Maximum number of candidates from the network, and from the tomogram itself."""
_CLIP_SD = 5.0
"""What is darker, such as dirt and gold, counts as this. Of 5, 4 and 3, only 5 cost nothing in most
simulated tomograms; in the real one for development, all raised recall by 0.06 to 0.11."""
_SAME_OF_DIAMETER = 0.25
"""Candidates nearer than this are the same."""


def diameter_angstrom(mass_dalton: float) -> float:
    """Diameter of a sphere of protein of this mass."""
    return float((6 / np.pi * mass_dalton * PROTEIN_ANGSTROM3_PER_DALTON) ** (1 / 3))


@one_blas_thread()
def find_target(
    tomogram: Tomogram,
    segmentation: tuple[StoredVolume, StoredVolume],
    target: Structure,
    resolution_angstrom: float,
    *,
    tilt_range_deg: tuple[float, float],
    is_specimen: IsData,
    threads: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Find where a target may be in a tomogram, whose tilts are the lowest and the highest.

    `segmentation` are its probability of macromolecule, and its labels; blobs of the tomogram
    itself are candidates where `is_specimen`. Detail finer than the resolution is not compared.

    Returns centres (n, 3), z, y, x in voxels, correlation coefficients (n,), best first, and
    heights (n,) of the blobs there in standard deviations, 0 where there is none.
    """
    voxel = tomogram.grid.voxel_size_angstrom
    diameter = diameter_angstrom(target.mass_dalton)
    blobs = _blobs(tomogram, diameter, is_specimen)
    candidates = _candidates(blobs.centres, segmentation, diameter / voxel)
    centres, scores = compare_with_target(
        tomogram,
        candidates,
        target,
        diameter,
        resolution_angstrom,
        tilt_range_deg=tilt_range_deg,
        threads=threads,
    )
    order = np.argsort(-scores, kind="stable")
    centres, scores = centres[order], scores[order]
    apart = non_max_suppression(centres, DISTANCE_OF_DIAMETER * diameter / voxel)
    logger.info("%s: %d candidates, %d apart", target.pdb_id, len(candidates), apart.sum())
    at = Candidates(centres[apart], scores[apart], diameter / voxel)
    heights = highest_near(at, Candidates(blobs.centres, blobs.scores, diameter / voxel))
    return at.centres, at.scores, heights


def _blobs(tomogram: Tomogram, diameter_angstrom: float, is_specimen: IsData) -> Picks:
    """Find the highest dark blobs of a diameter in a tomogram."""
    return pick_blobs(
        lambda part: tomogram.read_dark(part).clip(-_CLIP_SD, _CLIP_SD),
        tomogram.grid.shape,
        tomogram.grid.voxel_size_angstrom,
        diameter_angstrom,
        Choice(0.0, MOST_OF_EACH),
        is_data=is_specimen,
    )


def _candidates(
    blobs: NDArray[np.float64],
    segmentation: tuple[StoredVolume, StoredVolume],
    diameter_voxels: float,
) -> NDArray[np.float64]:
    """Find centres (n, 3): what a network sees, and the blobs of a tomogram, best first."""
    probability, labels = segmentation
    seen = pick_sized(
        probability.read_float32,
        probability.shape,
        1.0,
        diameter_voxels,
        Choice(LEAST_SCORE, MOST_OF_EACH),
        values=Values("probability"),
    )
    centres = np.concatenate([seen.centres, blobs]).reshape(-1, 3)
    centres = centres[non_max_suppression(centres, _SAME_OF_DIAMETER * diameter_voxels)]
    return centres[~_in_other_classes(labels, centres, diameter_voxels / 2)]


def _in_other_classes(
    labels: StoredVolume, centres: NDArray[np.float64], radius_voxels: float
) -> NDArray[np.bool_]:
    """Mark centres (n, 3) in membranes or filaments, and those beside gold, dirt or carbon.

    Beside is within half a radius along each axis.
    """
    reach = max(1, int(radius_voxels / 2))
    found = np.zeros(len(centres), dtype=bool)
    for row, (part, middle) in enumerate(around(labels.shape, centres, reach)):
        near = labels.read(part)
        found[row] = near[middle] in {MEMBRANE, FILAMENT} or (near == OTHER).any()
    return found


def are_right(
    centres: NDArray[np.float64],
    truth: Particles,
    target: str,
    *,
    shape: tuple[int, ...],
    distance_voxels: float,
) -> tuple[NDArray[np.bool_], int]:
    """Tell which candidates (n, 3) in voxels are at particles of a simulated tomogram (z, y, x).

    Also return the number of particles: those of the target with their centres inside the tomogram.
    """
    inside = lies_inside(truth.centres, 1, shape) & (truth.pdb_ids == target)
    pairs = match(centres, truth.centres[inside], distance_voxels)
    return np.isin(np.arange(len(centres)), pairs.picks), int(inside.sum())
