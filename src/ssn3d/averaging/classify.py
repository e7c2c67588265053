"""Classification of particles by shape.

All particles are aligned to one reference and compared in pairs, over the frequencies that both
recorded (constrained correlation: Foerster et al. 2008, J. Struct. Biol. 161, 276); k-means on the
leading eigenvectors of these correlations gives the first classes. Then, in each turn, particles
are assigned to the class whose average they correlate with best. Averages are those of the other
half set, since a particle correlates with its own noise.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans

from ssn3d.averaging.align import Aligner, Poses, join
from ssn3d.averaging.average import rotate_to_reference, transform
from ssn3d.averaging.band import ALL_TILTS_DEG, Reference, make_band, recorded
from ssn3d.averaging.boxes import FEWEST
from ssn3d.averaging.masks import cut_out
from ssn3d.averaging.refine import Stack, align_everywhere, divide, log_merged
from ssn3d.core.errors import DataError
from ssn3d.core.log import progress

_TURNS = 5
_STEPS_DEG = (10.0, 5.0)


@dataclass(frozen=True)
class Classes:
    """Particles by class."""

    rows: NDArray[np.int_]
    """(n,) rows of the stack: all but duplicates, in order."""
    numbers: NDArray[np.int_]
    """(n,) class of each row; class 1 is the largest, and each has at least four particles."""
    poses: Poses
    """Poses of these rows."""


def classify(
    whole: Stack, reference: NDArray[np.float32], classes: int, rng: np.random.Generator
) -> Classes:
    """Divide particles into classes, two or more; of those at one position, the best is kept.

    All can be aligned to the reference (s, s, s), such as their common average.

    Raises DataError if a class is left with fewer than four particles.
    """
    rows, poses = align_everywhere(whole, reference, rng)
    log_merged(len(whole.images) - len(rows))
    stack = whole[rows]
    check_number(len(rows), classes)
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
    """Average the particles of a class among rows (m,), or the whole class if there are none."""
    members = rows[in_class[rows]] if in_class[rows].any() else np.flatnonzero(in_class)
    return Reference(cut_out(stack.average(members, poses[members]), stack.sphere))


def _best(
    stack: Stack, aligner: Aligner, shapes: list[Reference], start: Poses
) -> tuple[NDArray[np.int_], Poses]:
    """Find the shape (n,), from 0, with which each particle correlates best, and its pose."""
    steps = [(turn, stack.step_voxels / 2**i) for i, turn in enumerate(_STEPS_DEG, start=1)]
    tried = [aligner.nearby(shape, start, steps) for shape in shapes]
    best = np.argmax([poses.scores for poses in tried], axis=0)
    return best, join(tried)[best * len(start) + np.arange(len(start))]


def _first_classes(
    stack: Stack, poses: Poses, classes: int, rng: np.random.Generator
) -> NDArray[np.int_]:
    """Classify aligned particles by k-means of constrained correlations: (n,), from 0."""
    correlations = constrained_correlations(stack, poses)
    values, vectors = np.linalg.eigh(correlations)
    leading = slice(-(classes - 1), None)
    features = vectors[:, leading] * np.sqrt(np.maximum(values[leading], 0))
    seed = int(rng.integers(2**31))
    groups = KMeans(classes, n_init=10, random_state=seed).fit_predict(features)
    return np.asarray(groups, dtype=np.int_)


def constrained_correlations(stack: Stack, poses: Poses) -> NDArray[np.float64]:
    """Correlations (n, n) of the differences of aligned particles from their mean.

    Each pair is compared over the frequencies that both recorded, up to the stack's first shell.
    """
    band = make_band(stack.images.shape[-1], stack.first_shell, ALL_TILTS_DEG)
    spectra = np.empty((len(poses), len(band)), dtype=np.complex64)
    coverage = np.empty((len(poses), len(band)), dtype=np.float32)
    z, y, x = (band.frequencies + band.size // 2).T
    for row, (image, rotation, shift) in enumerate(
        zip(stack.masked, poses.rotations, poses.shifts, strict=True)
    ):
        turned = rotate_to_reference(image, rotation, shift) * stack.sphere
        spectra[row] = transform(turned)[z, y, x]
        coverage[row] = recorded(band.frequencies @ rotation.T, stack.tilt_range_deg)
    mean = (spectra * coverage).sum(axis=0) / np.maximum(coverage.sum(axis=0), 1)
    differing = (spectra - mean) * coverage
    power = (np.abs(differing) ** 2) @ coverage.T  # at frequencies the other recorded
    together = (differing @ differing.conj().T).real
    correlations = together / np.sqrt(np.maximum(power * power.T, 1e-30))
    return np.asarray(correlations, dtype=np.float64)


def check_number(particles: int, classes: int) -> None:
    """Raise DataError if there are too few particles for any division into classes."""
    if classes * FEWEST > particles:
        raise DataError(
            f"{classes} classes of {particles} particles: {FEWEST} are needed in each; give fewer "
            "--classes"
        )


def _check(found: NDArray[np.int_], classes: int) -> None:
    sizes = np.bincount(found, minlength=classes)
    if sizes.min() < FEWEST:
        raise DataError(
            f"{classes} classes of {len(found)} particles: one is left with {sizes.min()}, and "
            f"{FEWEST} are needed; give fewer --classes"
        )
