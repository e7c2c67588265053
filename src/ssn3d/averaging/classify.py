"""Divide particles into classes of different shape.

All are aligned to one reference and turned back to it; they are then compared in pairs, over the
frequencies that both recorded (constrained correlation: Foerster et al. 2008, J. Struct. Biol. 161,
276), and k-means on the leading eigenvectors of these correlations gives the first classes. From
then on a particle goes, in each turn, to the class whose average it correlates with best. It meets
averages of the half set that it is not in, since it would recognise its own noise.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans

from ssn3d.averaging.align import Aligner, Poses, join
from ssn3d.averaging.average import rotate_to_reference, transform
from ssn3d.averaging.band import Band, Reference, make_band, recorded
from ssn3d.averaging.boxes import FEWEST
from ssn3d.averaging.masks import cut_out
from ssn3d.averaging.refine import (
    Stack,
    align_everywhere,
    distinct_rows,
    divide,
    log_merged,
)
from ssn3d.core.errors import DataError
from ssn3d.core.log import progress

_TURNS = 5
_STEPS_DEG = (10.0, 5.0)
_ALL_TILTS = (-90.0, 90.0)


@dataclass(frozen=True)
class Classes:
    """Particles by class."""

    rows: NDArray[np.int_]
    """(n,) of the stack: all but duplicates, in order."""
    numbers: NDArray[np.int_]
    """(n,) class of each, from 1, the largest; at least four particles in each."""
    poses: Poses
    """Their poses."""


def classify(
    whole: Stack, reference: NDArray[np.float32], classes: int, rng: np.random.Generator
) -> Classes:
    """Divide particles into classes; of those aligned to one place, the best-scored is kept.

    Args:
        whole: the particles.
        reference: a map (s, s, s) to which all can be aligned, such as their common average.
        classes: how many, at least two.
        rng: decides the half sets, the grid of orientations and the start of k-means.

    Raises:
        DataError: a class is left with fewer than four particles.
    """
    start = Reference(cut_out(reference, whole.sphere))
    everything = np.arange(len(whole.images))
    aligned = align_everywhere(whole, everything, start, rng)
    rows = distinct_rows(whole, everything, aligned)
    log_merged(len(everything) - len(rows))
    stack, poses = whole[rows], aligned[rows]
    half_sets = divide(stack, np.arange(len(rows)), poses, 0.0, rng)
    halves = [np.flatnonzero(half_sets == half) for half in (1, 2)]
    found = _first_classes(stack, poses, classes, rng)
    aligners = [stack.aligner(rows, stack.first_shell) for rows in halves]
    for _ in progress(range(_TURNS), "classes"):
        _check(found, classes)
        shapes = [
            [_average(stack, rows, found == number, poses) for number in range(classes)]
            for rows in halves
        ]
        parts = [
            _best(stack, aligner, other_shapes, poses[rows])
            for rows, aligner, other_shapes in zip(halves, aligners, shapes[::-1], strict=True)
        ]
        order = np.argsort(np.concatenate(halves))
        found = np.concatenate([numbers for numbers, _ in parts])[order]
        poses = join([of_half for _, of_half in parts])[order]
    _check(found, classes)
    by_size = np.argsort(-np.bincount(found, minlength=classes), kind="stable")
    return Classes(rows, np.argsort(by_size)[found] + 1, poses)


def _average(
    stack: Stack, rows: NDArray[np.int_], in_class: NDArray[np.bool_], poses: Poses
) -> Reference:
    """Average the particles of a class among rows (m,), or all of it where there are none."""
    members = rows[in_class[rows]] if in_class[rows].any() else np.flatnonzero(in_class)
    return Reference(cut_out(stack.average(members, poses[members]), stack.sphere))


def _best(
    stack: Stack, aligner: Aligner, shapes: list[Reference], start: Poses
) -> tuple[NDArray[np.int_], Poses]:
    """Give the shape with which each particle correlates best, from 0, and the pose there."""
    steps = [(turn, stack.step_voxels / 2**i) for i, turn in enumerate(_STEPS_DEG, start=1)]
    tried = [aligner.nearby(shape, start, steps) for shape in shapes]
    best = np.argmax([poses.scores for poses in tried], axis=0)
    return best, join(tried)[best * len(start) + np.arange(len(start))]


def _first_classes(
    stack: Stack, poses: Poses, classes: int, rng: np.random.Generator
) -> NDArray[np.int_]:
    """Classes (n,), from 0, by k-means of constrained correlations of aligned particles."""
    correlations = constrained_correlations(stack, poses)
    values, vectors = np.linalg.eigh(correlations)
    leading = slice(-(classes - 1), None)
    features = vectors[:, leading] * np.sqrt(np.maximum(values[leading], 0))
    seed = int(rng.integers(2**31))
    groups = KMeans(classes, n_init=10, random_state=seed).fit_predict(features)
    return np.asarray(groups, dtype=np.int_)


def constrained_correlations(stack: Stack, poses: Poses) -> NDArray[np.float64]:
    """Correlations (n, n) of how aligned particles differ from their mean.

    Each pair is compared over the frequencies that both recorded, up to the stack's first shell.
    """
    band = make_band(stack.images.shape[-1], stack.first_shell, _ALL_TILTS)
    seen = np.empty((len(poses), len(band)), dtype=np.complex64)
    known = np.empty((len(poses), len(band)), dtype=np.float32)
    for row, (image, rotation, shift) in enumerate(
        zip(stack.masked, poses.rotations, poses.shifts, strict=True)
    ):
        seen[row] = _at(transform(rotate_to_reference(image, rotation, shift) * stack.sphere), band)
        known[row] = recorded(band.frequencies @ rotation.T, stack.tilt_range_deg)
    mean = (seen * known).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    differing = (seen - mean) * known
    power = (np.abs(differing) ** 2) @ known.T  # of one, where the other is known
    together = (differing @ differing.conj().T).real
    correlations = together / np.sqrt(np.maximum(power * power.T, 1e-30))
    return np.asarray(correlations, dtype=np.float64)


def _at(transformed: NDArray[np.complex64], band: Band) -> NDArray[np.complex64]:
    """Values (m,) of a cube's transform at the frequencies of a band."""
    z, y, x = (band.frequencies + band.size // 2).T
    values: NDArray[np.complex64] = transformed[z, y, x]
    return values


def _check(found: NDArray[np.int_], classes: int) -> None:
    """Raise DataError where a class is too small to be averaged."""
    sizes = np.bincount(found, minlength=classes)
    if sizes.min() < FEWEST:
        raise DataError(
            f"{classes} classes of {len(found)} particles: one is left with {sizes.min()}, and "
            f"{FEWEST} are needed; give fewer --classes"
        )
