"""Alignment and averaging of two half sets, each to its own average, in a few rounds.

All particles are first aligned, everywhere, to one reference at low resolution; from then on the
half sets see each other only where they decide how far their averages agree. Agreement up to that
first resolution proves nothing, since a common reference can be seen in noise as well.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ssn3d.averaging.align import Aligner, Poses, ball, join
from ssn3d.averaging.average import average
from ssn3d.averaging.band import Reference
from ssn3d.averaging.fsc import filtered, first_below, shell_correlation
from ssn3d.averaging.masks import cut_out
from ssn3d.averaging.rotation_grid import even_rotations
from ssn3d.log import progress

_FSC_LIMIT = 0.143
_GRID_DEG, _FIRST_STEPS_DEG = 15.0, (8.0, 4.0, 4.0)
_GRID_WAVELENGTHS = 0.2
"""Step of shifts, in wavelengths of the first shell; halved in each step that follows."""
_STEPS = [(4.0, 0.5), (2.0, 0.25), (1.0, 0.125)]
_LEAST_SHELL = 3


@dataclass(frozen=True)
class Stack:
    """Particles to be averaged, and what is known of them."""

    images: NDArray[np.float32]
    """(n, s, s, s), the particle near voxel s // 2; protein is dark."""
    masked: NDArray[np.float32]
    """(n, s, s, s), what is compared with references."""
    sphere: NDArray[np.float32]
    """(s, s, s), the soft mask of references, and of averages where their FSC is measured."""
    centres: NDArray[np.float64]
    """(n, 3) where the particle is thought to be, z, y, x in voxels from voxel s // 2."""
    symmetry: NDArray[np.float64]
    """(m, 3, 3), the rotations of the point group."""
    tilt_range_deg: tuple[float, float]
    first_shell: int
    """The highest frequency, in periods in a box, of the first reference."""
    max_shift_voxels: float
    """From where the particle is thought to be."""
    threads: int

    def __getitem__(self, rows: NDArray[np.int_]) -> "Stack":
        """Select particles."""
        images, masked, centres = self.images[rows], self.masked[rows], self.centres[rows]
        return replace(self, images=images, masked=masked, centres=centres)

    @property
    def step_voxels(self) -> float:
        """How far apart shifts are tried first."""
        return _GRID_WAVELENGTHS * len(self.sphere) / self.first_shell

    @property
    def offsets(self) -> NDArray[np.float64]:
        """Shifts (l, 3) to be tried first, z, y, x in voxels, from `centres`."""
        return ball(self.max_shift_voxels, self.step_voxels)

    def average(self, rows: NDArray[np.int_], poses: Poses) -> NDArray[np.float32]:
        """Average the rows whose poses are given."""
        images = self.images[rows]
        return average(images, poses, self.symmetry, self.tilt_range_deg, self.threads)

    def aligner(self, rows: NDArray[np.int_], highest: int) -> Aligner:
        """Prepare rows to be aligned, by frequencies up to `highest`."""
        return Aligner(self.masked[rows], highest, self.tilt_range_deg, self.threads)


@dataclass(frozen=True)
class Averages:
    """What a refinement gives."""

    poses: Poses
    half_sets: NDArray[np.int_]
    """(n,) 1 or 2 for each particle."""
    halves: tuple[NDArray[np.float32], NDArray[np.float32]]
    """Averages (s, s, s) of each half set, the same frame for both."""
    fsc: NDArray[np.float64]
    """(s // 2 + 1,) between the halves, within the sphere."""

    @property
    def average(self) -> NDArray[np.float32]:
        """Average of all particles, (s, s, s)."""
        return np.asarray((self.halves[0] + self.halves[1]) / 2, dtype=np.float32)


def refine(
    stack: Stack, reference: NDArray[np.float32], rounds: int, rng: np.random.Generator
) -> Averages:
    """Align particles to a reference (s, s, s), then each half set to its own average, in rounds.

    The reference is used up to the stack's first shell only.
    """
    count = len(stack.images)
    half_sets = rng.permutation(np.arange(count) % 2) + 1
    rows = [np.flatnonzero(half_sets == half) for half in (1, 2)]
    start = Reference(cut_out(reference, stack.sphere))
    poses = [align_everywhere(stack, part, start, rng) for part in rows]
    for turn in progress(range(rounds + 1), "rounds"):
        halves = [stack.average(*part) for part in zip(rows, poses, strict=True)]
        masked = [cut_out(half, stack.sphere) for half in halves]
        fsc = shell_correlation(*masked)
        if turn == rounds:
            break
        highest = min(max(first_below(fsc, _FSC_LIMIT), _LEAST_SHELL), len(fsc) - 2)
        for half, own in enumerate(masked):
            aligner = stack.aligner(rows[half], highest)
            seen = Reference(filtered(own, np.clip(fsc, 0, 1)))
            poses[half] = aligner.nearby(seen, poses[half], _STEPS)
    return Averages(_in_order(rows, poses), half_sets, (halves[0], halves[1]), fsc)


def align_everywhere(
    stack: Stack, rows: NDArray[np.int_], reference: Reference, rng: np.random.Generator
) -> Poses:
    """Align rows of the stack, whatever their orientation, by low frequencies."""
    aligner = stack.aligner(rows, stack.first_shell)
    rotations = even_rotations(_GRID_DEG, rng)
    poses = aligner.everywhere(reference, rotations, stack.centres[rows], stack.offsets)
    steps = [(turn, stack.step_voxels / 2**i) for i, turn in enumerate(_FIRST_STEPS_DEG, start=1)]
    return aligner.nearby(reference, poses, steps)


def _in_order(rows: list[NDArray[np.int_]], poses: list[Poses]) -> Poses:
    """Put the poses of half sets into the order of the stack."""
    return join(poses)[np.argsort(np.concatenate(rows))]
