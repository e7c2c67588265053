"""Refinement: two half sets are aligned, each to its own average, in a few rounds.

All particles are first aligned, in all orientations, to one reference at low resolution. From then
on the half sets share only the FSC of their averages. Agreement up to the first resolution proves
nothing, since noise aligned to a common reference agrees as well.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ssn3d.averaging.align import Aligner, Poses, ball, join
from ssn3d.averaging.average import Sums, sum_up
from ssn3d.averaging.band import Reference
from ssn3d.averaging.boxes import FEWEST
from ssn3d.averaging.duplicates import distinct, neighbours, split
from ssn3d.averaging.fsc import Evidence, evidence, filtered, first_below, shell_correlation
from ssn3d.averaging.masks import cut_out
from ssn3d.averaging.rotation_grid import even_rotations
from ssn3d.core.errors import DataError
from ssn3d.core.log import logger, progress

_FSC_LIMIT = 0.143
_GRID_DEG, _FIRST_STEPS_DEG = 15.0, (8.0, 4.0, 4.0)
_GRID_WAVELENGTHS = 0.2
"""Step of shifts, in wavelengths of the first shell; halved in each step that follows."""
_STEPS = [(4.0, 0.5), (2.0, 0.25), (1.0, 0.125)]
_LEAST_SHELL = 3


@dataclass(frozen=True)
class Stack:
    """Particles to be averaged."""

    images: NDArray[np.float32]
    """(n, s, s, s), the particle near voxel s // 2; protein is dark."""
    masked: NDArray[np.float32]
    """(n, s, s, s), masked images, which are compared with references."""
    sphere: NDArray[np.float32]
    """(s, s, s), soft mask of references, and of averages for their FSC."""
    centres: NDArray[np.float64]
    """(n, 3) input positions of the particles, z, y, x in voxels from voxel s // 2."""
    places: NDArray[np.float64]
    """(n, 3) position of voxel s // 2 of each box in the specimen, z, y, x in voxels."""
    merged_voxels: float
    """Distance within which two particles are the same."""
    symmetry: NDArray[np.float64]
    """(m, 3, 3), the rotations of the point group."""
    tilt_range_deg: tuple[float, float]
    first_shell: int
    """Highest frequency of the first reference, in periods in a box."""
    max_shift_voxels: float
    """Longest distance from the input position."""
    threads: int

    def __getitem__(self, rows: NDArray[np.int_]) -> "Stack":
        names = ("images", "masked", "centres", "places")
        return replace(self, **{name: getattr(self, name)[rows] for name in names})

    @property
    def step_voxels(self) -> float:
        """Distance between the shifts of the first search."""
        return _GRID_WAVELENGTHS * len(self.sphere) / self.first_shell

    @property
    def evidence(self) -> Evidence:
        """Evidence that an FSC must show to be significant."""
        return evidence(self.sphere, self.first_shell, len(self.symmetry))

    def sum_up(self, rows: NDArray[np.int_], poses: Poses) -> Sums:
        """Sum rows at their poses."""
        images = self.images[rows]
        return sum_up(images, poses, self.symmetry, self.tilt_range_deg, self.threads)

    def average(self, rows: NDArray[np.int_], poses: Poses) -> NDArray[np.float32]:
        """Average rows at their poses: (s, s, s)."""
        return self.sum_up(rows, poses).average()

    def aligner(self, rows: NDArray[np.int_], highest: int) -> Aligner:
        """Prepare rows for alignment, by frequencies up to `highest`."""
        return Aligner(
            self.masked[rows],
            highest,
            self.tilt_range_deg,
            centres=self.centres[rows],
            max_shift_voxels=self.max_shift_voxels,
            threads=self.threads,
        )


@dataclass(frozen=True)
class Averages:
    """Result of a refinement."""

    rows: NDArray[np.int_]
    """(n,) rows of the stack that were averaged: all but duplicates, in order."""
    poses: Poses
    """Poses of these rows."""
    half_sets: NDArray[np.int_]
    """(n,) half set of each of these rows, 1 or 2."""
    halves: tuple[NDArray[np.float32], NDArray[np.float32]]
    """Averages (s, s, s) of both half sets, in one frame."""
    average: NDArray[np.float32]
    """Average of all particles, (s, s, s)."""
    fsc: NDArray[np.float64]
    """(s // 2 + 1,) FSC of the halves within the sphere."""


def refine(
    stack: Stack, reference: NDArray[np.float32], rounds: int, rng: np.random.Generator
) -> Averages:
    """Align particles to a reference (s, s, s), then each half set to its own average, in rounds.

    The reference is used up to the stack's first shell only. Of particles aligned to one position,
    the one with the best score is kept.

    Raises DataError if fewer than four particles are left, or fewer than two in a half set.
    """
    rows, poses = align_everywhere(stack, reference, rng)
    farthest = [np.linalg.norm(ball(1.8 * step, step), axis=1).max() for _, step in _STEPS]
    half_sets = divide(stack, rows, poses, rounds * sum(farthest), rng)
    for turn in progress(range(rounds + 1), "rounds"):
        parts = [np.flatnonzero(half_sets == half) for half in (1, 2)]
        sums = [stack.sum_up(rows[part], poses[part]) for part in parts]
        halves = [part.average() for part in sums]
        masked = [cut_out(half, stack.sphere) for half in halves]
        fsc = shell_correlation(*masked)
        if turn == rounds:
            break
        moved = []
        for part, half in zip(parts, masked, strict=True):
            aligner = stack.aligner(rows[part], _highest(stack, fsc))
            target = Reference(filtered(half, np.clip(fsc, 0, 1)))
            moved.append(aligner.nearby(target, poses[part], _STEPS))
        poses = join(moved)[np.argsort(np.concatenate(parts))]
        left = _distinct(stack, rows, poses)
        rows, poses, half_sets = rows[left], poses[left], half_sets[left]
        _check_halves(half_sets)
    log_merged(len(stack.images) - len(rows))
    average = (sums[0] + sums[1]).average()
    return Averages(rows, poses, half_sets, (halves[0], halves[1]), average, fsc)


def _highest(stack: Stack, fsc: NDArray[np.float64]) -> int:
    """Highest shell by which half sets are aligned to their own averages.

    Beyond the first shell only if the half sets agree by more than their common reference, which
    would otherwise appear in further shells in each round.
    """
    crossing = first_below(fsc, _FSC_LIMIT)
    if not stack.evidence.supports(fsc, _FSC_LIMIT):
        crossing = min(crossing, stack.first_shell)
    return min(max(crossing, _LEAST_SHELL), len(fsc) - 2)


def _distinct(stack: Stack, rows: NDArray[np.int_], poses: Poses) -> NDArray[np.int_]:
    """Places among rows (n,) of a stack that remain, at these poses, when duplicates are merged."""
    return distinct(stack.places[rows] + poses.shifts, poses.scores, stack.merged_voxels)


def divide(
    stack: Stack,
    rows: NDArray[np.int_],
    poses: Poses,
    moves_voxels: float,
    rng: np.random.Generator,
) -> NDArray[np.int_]:
    """Half sets (n,) of rows, 1 or 2; particles that are or may become duplicates share one.

    A particle may still move by `moves_voxels`. Raises DataError if there are too few particles.
    """
    positions = stack.places[rows] + poses.shifts
    given = stack.places[rows] + stack.centres[rows]
    reach = stack.merged_voxels + 2 * moves_voxels
    pairs = [neighbours(given, stack.merged_voxels), neighbours(positions, reach)]
    half_sets = split(positions, np.concatenate(pairs), rng)
    _check_halves(half_sets)
    return half_sets


def _check_halves(half_sets: NDArray[np.int_]) -> None:
    smallest = min(int((half_sets == half).sum()) for half in (1, 2))
    if smallest < FEWEST // 2:
        raise DataError(
            f"{len(half_sets)} different particles are left, {smallest} in one of two half sets; "
            f"give at least {FEWEST} at different positions"
        )


def log_merged(count: int) -> None:
    """Warn of particles that were merged with others."""
    if count:
        logger.warning("%d particles were aligned to the position of another; merged", count)


def align_everywhere(
    stack: Stack, reference: NDArray[np.float32], rng: np.random.Generator
) -> tuple[NDArray[np.int_], Poses]:
    """Align all particles to a map (s, s, s) in all orientations, by low frequencies.

    Returns the rows (n,) of particles that are not duplicates, and their poses.
    """
    rows = np.arange(len(stack.images))
    aligner = stack.aligner(rows, stack.first_shell)
    target = Reference(cut_out(reference, stack.sphere))
    poses = aligner.everywhere(target, even_rotations(_GRID_DEG, rng), stack.step_voxels)
    steps = [(turn, stack.step_voxels / 2**i) for i, turn in enumerate(_FIRST_STEPS_DEG, start=1)]
    poses = aligner.nearby(target, poses, steps)
    left = _distinct(stack, rows, poses)
    return left, poses[left]
