"""Candidates for a target, and their comparison with its map.

Candidates are the peaks of a filter of the target's diameter: in the probability of macromolecule
that a network gives, and the highest ones in the tomogram itself, where the network may be wrong.
Those that the network takes for membranes, filaments, gold, dirt or carbon are left out.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ssn3d.core.blas import one_blas_thread
from ssn3d.core.classes import FILAMENT, MEMBRANE, OTHER
from ssn3d.core.cubes import lies_inside, nearest_voxels
from ssn3d.core.log import logger
from ssn3d.core.particles import Particles
from ssn3d.find.templates import compare_with_target
from ssn3d.io.stored_volume import StoredVolume
from ssn3d.io.tomogram import IsData, Tomogram
from ssn3d.picking.pick import DISTANCE_OF_DIAMETER, Choice, pick_blobs, pick_sized
from ssn3d.picking.scoring import match
from ssn3d.picking.segmentation import Values
from ssn3d.picking.select import non_max_suppression
from ssn3d.structures.structure import Structure
from ssn3d.structures.surrogates import PROTEIN_ANGSTROM3_PER_DALTON

LEAST_SCORE = 0.1
"""Minimum height of a peak of the probability, relative to that of a ball of probability 1."""
MOST_OF_EACH = 1000
"""Maximum number of candidates from the network, and from the tomogram itself."""
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
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Find where a target may be in a tomogram.

    Args:
        tomogram: tomogram.
        segmentation: its probability of macromolecule, and its labels.
        target: structure.
        resolution_angstrom: finest detail that is compared.
        tilt_range_deg: lowest and highest tilt.
        is_specimen: voxels where blobs of the tomogram itself are candidates.
        threads: number of threads.

    Returns:
        Centres (n, 3), z, y, x in voxels, and correlation coefficients (n,), best first.
    """
    voxel = tomogram.grid.voxel_size_angstrom
    diameter = diameter_angstrom(target.mass_dalton)
    candidates = _candidates(tomogram, segmentation, diameter, is_specimen)
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
    return centres[apart], scores[apart]


def _candidates(
    tomogram: Tomogram,
    segmentation: tuple[StoredVolume, StoredVolume],
    diameter: float,
    is_specimen: IsData,
) -> NDArray[np.float64]:
    """Find centres (n, 3) of blobs of a diameter in angstrom, best first."""
    probability, labels = segmentation
    shape, voxel = tomogram.grid.shape, tomogram.grid.voxel_size_angstrom
    seen = pick_sized(
        probability.read_float32,
        shape,
        voxel,
        diameter,
        Choice(LEAST_SCORE, MOST_OF_EACH),
        values=Values("probability"),
    )
    dark = pick_blobs(
        tomogram.read_dark,
        shape,
        voxel,
        diameter,
        Choice(0.0, MOST_OF_EACH),
        is_data=is_specimen,
    )
    centres = np.concatenate([seen.centres, dark.centres]).reshape(-1, 3)
    centres = centres[non_max_suppression(centres, _SAME_OF_DIAMETER * diameter / voxel)]
    return centres[~_in_other_classes(labels, centres, diameter / voxel / 2)]


def _in_other_classes(
    labels: StoredVolume, centres: NDArray[np.float64], radius_voxels: float
) -> NDArray[np.bool_]:
    """Mark centres (n, 3) in membranes or filaments, and those beside gold, dirt or carbon.

    Beside is within half a radius along each axis.
    """
    reach = max(1, int(radius_voxels / 2))
    found = np.zeros(len(centres), dtype=bool)
    for row, (part, middle) in enumerate(_around(labels.shape, centres, reach)):
        near = labels.read(part)
        found[row] = near[middle] in {MEMBRANE, FILAMENT} or (near == OTHER).any()
    return found


def _around(
    shape: tuple[int, ...], centres: NDArray[np.float64], reach: int
) -> Iterator[tuple[tuple[slice, ...], tuple[int, ...]]]:
    """Parts of a volume within reach of centres (n, 3), and the place of each centre in its own."""
    for centre in nearest_voxels(centres).clip(0, np.array(shape) - 1).tolist():
        part = tuple(slice(max(0, place - reach), place + reach + 1) for place in centre)
        yield part, tuple(min(place, reach) for place in centre)


def mean_in_balls(
    volume: StoredVolume, centres: NDArray[np.float64], diameter_voxels: float
) -> NDArray[np.float64]:
    """Mean of a volume in balls around centres (n, 3), as far as they are inside."""
    found = np.empty(len(centres))
    for row, (part, middle) in enumerate(_around(volume.shape, centres, int(diameter_voxels / 2))):
        values = volume.read_float32(part)
        z, y, x = np.ix_(*(np.arange(n) - at for n, at in zip(values.shape, middle, strict=True)))
        found[row] = values[z**2 + y**2 + x**2 <= (diameter_voxels / 2) ** 2].mean()
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
    correct = np.zeros(len(centres), dtype=bool)
    correct[pairs.picks] = True
    return correct, int(inside.sum())
