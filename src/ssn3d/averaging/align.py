"""Alignment of particles by correlation with a reference.

The score of a pose is the correlation coefficient of the particle and the reference in that pose,
over the frequencies that the tilts recorded. Shells are weighted by the inverse of the particles'
power, so that noise is equally strong in all of them.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssn3d.averaging.band import Band, Reference, make_band, spectra
from ssn3d.averaging.rotation_grid import nearby_rotations

_BATCH = 8  # particles at once, few enough for the cache
_ROUNDING = 1e-9  # voxels


@dataclass(frozen=True)
class Poses:
    """Poses of n particles in their boxes."""

    rotations: NDArray[np.float64]
    """(n, 3, 3) in z, y, x: x_box = R x_reference + shift, both from voxel s // 2."""
    shifts: NDArray[np.float64]
    """(n, 3), z, y, x in voxels."""
    scores: NDArray[np.float64]
    """(n,) correlation coefficients, from -1 to 1."""

    def __len__(self) -> int:
        return len(self.scores)

    def __getitem__(self, rows: NDArray[np.int_] | slice) -> "Poses":
        return Poses(self.rotations[rows], self.shifts[rows], self.scores[rows])


class Aligner:
    """Particles as weighted transforms, for comparison with references."""

    def __init__(
        self,
        images: NDArray[np.float32],
        highest: int,
        tilt_range_deg: tuple[float, float],
        *,
        centres: NDArray[np.float64],
        max_shift_voxels: float,
        threads: int,
    ) -> None:
        """Transform images (n, s, s, s), up to the shell `highest`.

        Particles are at most the maximum shift from the centres (n, 3), z, y, x in voxels from
        voxel s // 2.
        """
        self._band = make_band(images.shape[-1], highest, tilt_range_deg)
        transforms = spectra(images, self._band)
        self._weights = _whitening(transforms, self._band)
        self._particles = _unit(transforms * self._weights)
        self._centres, self._max_shift_voxels = centres, max_shift_voxels
        self._threads = threads

    def _bank(self, reference: Reference, rotations: NDArray[np.float64]) -> NDArray[np.float32]:
        """Transforms (n, 2 m) of the reference turned by rotations (n, 3, 3)."""
        return _real(_unit(reference.sample(rotations, self._band) * self._weights))

    def everywhere(
        self, reference: Reference, rotations: NDArray[np.float64], step_voxels: float
    ) -> Poses:
        """Find the best of all rotations (k, 3, 3) and all allowed shifts, a step apart."""
        count, centres = len(self._particles), self._centres
        offsets = ball(self._max_shift_voxels, step_voxels)
        turns = np.array_split(rotations, self._threads)
        with ThreadPoolExecutor(self._threads) as pool:
            bank = np.concatenate(list(pool.map(lambda t: self._bank(reference, t), turns)))
        best = np.empty((count, 2), dtype=int)
        scores = np.empty(count)

        def compare(row: int) -> None:
            places = centres[row] + offsets
            products = bank @ _real(self._particles[row] * self._band.shift_phases(places)).T
            best[row] = np.unravel_index(products.argmax(), products.shape)
            scores[row] = products.max()

        with ThreadPoolExecutor(self._threads) as pool:
            list(pool.map(compare, range(count)))
        return Poses(rotations[best[:, 0]], centres + offsets[best[:, 1]], scores)

    def nearby(
        self, reference: Reference, start: Poses, steps: Sequence[tuple[float, float]]
    ) -> Poses:
        """Improve poses by small turns and allowed shifts; a step is (degrees, voxels)."""

        def improve(rows: slice) -> Poses:
            poses = start[rows]
            for step_deg, step_voxels in steps:
                poses = self._step(reference, rows, poses, step_deg, step_voxels)
            return poses

        batches = [slice(low, low + _BATCH) for low in range(0, len(self._particles), _BATCH)]
        with ThreadPoolExecutor(self._threads) as pool:
            parts = list(pool.map(improve, batches))
        return join(parts)

    def _step(
        self, reference: Reference, rows: slice, poses: Poses, step_deg: float, step_voxels: float
    ) -> Poses:
        """Find the best of 27 turns and 27 shifts of each particle."""
        turned = poses.rotations[:, None] @ nearby_rotations(step_deg)  # (n, 27, 3, 3)
        count, turns = turned.shape[:2]
        bank = self._bank(reference, turned.reshape(-1, 3, 3)).reshape(count, turns, -1)
        moved = poses.shifts[:, None] + ball(1.8 * step_voxels, step_voxels)  # (n, 27, 3)
        phases = self._band.shift_phases(moved)
        shifted = _real(self._particles[rows, None] * phases)
        products = bank @ np.swapaxes(shifted, 1, 2)  # (n, 27, 27)
        distances = np.linalg.norm(moved - self._centres[rows, None], axis=-1)
        allowed = distances <= self._max_shift_voxels + _ROUNDING
        products = np.where(allowed[:, None], products, -np.inf)
        flat = products.reshape(count, -1)
        turn, shift = np.unravel_index(flat.argmax(axis=1), products.shape[1:])
        each = np.arange(count)
        return Poses(turned[each, turn], moved[each, shift], flat.max(axis=1).astype(np.float64))


def join(parts: Sequence[Poses]) -> Poses:
    """Concatenate poses."""
    return Poses(
        np.concatenate([part.rotations for part in parts]),
        np.concatenate([part.shifts for part in parts]),
        np.concatenate([part.scores for part in parts]),
    )


def ball(radius: float, step: float) -> NDArray[np.float64]:
    """Points (n, 3) of a cubic grid around 0, within a radius."""
    axis = np.arange(-int(radius // step), int(radius // step) + 1) * step
    points = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)
    inside: NDArray[np.float64] = points[np.linalg.norm(points, axis=1) <= radius]
    return inside


def _whitening(transforms: NDArray[np.complex64], band: Band) -> NDArray[np.float32]:
    """Weights (m,) that give all shells of particles (n, m) the same mean power, 1."""
    power = (np.abs(transforms) ** 2).mean(axis=0)
    shells = band.shells
    mean = np.bincount(shells, power) / np.maximum(np.bincount(shells), 1)
    return np.asarray(1 / np.sqrt(np.maximum(mean[shells], 1e-30)), dtype=np.float32)


def _real(transforms: NDArray[np.complex64]) -> NDArray[np.float32]:
    """View complex (..., m) as real (..., 2 m); the scalar product is the real part of theirs."""
    return np.ascontiguousarray(transforms).view(np.float32)


def _unit(transforms: NDArray[np.complex64]) -> NDArray[np.complex64]:
    """Scale each row to length 1, except rows of zeros."""
    length = np.linalg.norm(_real(transforms), axis=-1, keepdims=True)
    return np.asarray(transforms / np.maximum(length, np.float32(1e-30)), dtype=np.complex64)
