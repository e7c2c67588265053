"""Average of particles with a missing wedge, in the reference's frame."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy.fft
import scipy.ndimage
from numpy.typing import NDArray

from ssn3d.averaging.align import Poses
from ssn3d.averaging.band import recorded

_LEAST_COVERAGE = 0.1
"""Fraction of the particles; frequencies that fewer recorded are damped, not amplified."""
_SHARES = 8  # a fixed number, so that rounding does not depend on threads


def rotate_to_reference(
    volume: NDArray[np.float32],
    rotation: NDArray[np.float64],
    shift: NDArray[np.float64] | tuple[float, float, float] = (0.0, 0.0, 0.0),
    order: Literal[1, 3] = 3,
) -> NDArray[np.float32]:
    """Transform a cube (s, s, s) from a particle's pose to the reference's frame.

    Beyond its edges the cube continues with the nearest value.
    """
    middle = np.full(3, len(volume) // 2)
    offset = middle + shift - rotation @ middle
    return scipy.ndimage.affine_transform(volume, rotation, offset, order=order, mode="nearest")


def symmetrise(
    volume: NDArray[np.float32], symmetry: NDArray[np.float64], order: Literal[1, 3] = 3
) -> NDArray[np.float32]:
    """Average a cube over the rotations (m, 3, 3) of a point group."""
    if len(symmetry) == 1:
        return volume
    turned = [rotate_to_reference(volume, rotation, order=order) for rotation in symmetry]
    return np.asarray(np.mean(turned, axis=0, dtype=np.float32))


@dataclass(frozen=True)
class Sums:
    """Sums over particles in the reference's frame."""

    signal: NDArray[np.complex64]
    """(s, s, s), transforms, 0 at frequencies that a particle did not record."""
    coverage: NDArray[np.float32]
    """(s, s, s), number of particles that recorded a frequency."""
    count: int
    """Number of particles."""

    def __add__(self, other: "Sums") -> "Sums":
        signal, coverage = self.signal + other.signal, self.coverage + other.coverage
        return Sums(signal, coverage, self.count + other.count)

    def average(self) -> NDArray[np.float32]:
        """Average (s, s, s): each frequency is the mean over the particles that recorded it."""
        least = np.float32(_LEAST_COVERAGE * self.count)
        mean = self.signal / np.maximum(self.coverage, least)
        return inverse(mean.astype(np.complex64))


def sum_up(
    images: NDArray[np.float32],
    poses: Poses,
    symmetry: NDArray[np.float64],
    tilt_range_deg: tuple[float, float],
    threads: int,
) -> Sums:
    """Sum images (n, s, s, s) in the reference's frame.

    `symmetry` are the rotations (m, 3, 3) of the point group.
    """
    size = images.shape[-1]
    axis = (np.arange(size) - size // 2).astype(np.float32)
    frequencies = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1)

    def total(rows: range) -> tuple[NDArray[np.complex64], NDArray[np.float32]]:
        signal = np.zeros((size,) * 3, dtype=np.complex64)
        coverage = np.zeros((size,) * 3, dtype=np.float32)
        for row in rows:
            rotation = poses.rotations[row]
            known = recorded(frequencies @ rotation.T.astype(np.float32), tilt_range_deg)
            signal += (
                transform(rotate_to_reference(images[row], rotation, poses.shifts[row])) * known
            )
            coverage += known
        return signal, coverage

    shares = [range(first, len(images), _SHARES) for first in range(_SHARES)]
    with ThreadPoolExecutor(threads) as pool:
        signals, coverages = zip(*pool.map(total, shares), strict=True)
    signal, coverage = np.sum(signals, axis=0), np.sum(coverages, axis=0)
    if len(symmetry) > 1:
        signal = transform(symmetrise(inverse(signal), symmetry))
        coverage = symmetrise(coverage, symmetry, order=1)
    return Sums(signal, coverage, len(images))


def transform(volume: NDArray[np.float32]) -> NDArray[np.complex64]:
    """Fourier transform of a cube; frequency 0 and phase origin are at voxel s // 2."""
    return np.asarray(scipy.fft.fftshift(scipy.fft.fftn(scipy.fft.ifftshift(volume))))


def inverse(transformed: NDArray[np.complex64]) -> NDArray[np.float32]:
    """Inverse of `transform`."""
    back = scipy.fft.fftshift(scipy.fft.ifftn(scipy.fft.ifftshift(transformed)).real)
    return np.asarray(back, dtype=np.float32)


def shorten(volume: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """Resample a cube to fewer voxels (size, size, size), by cropping its transform."""
    low = len(volume) // 2 - size // 2
    kept = transform(volume)[(slice(low, low + size),) * 3]
    return inverse(kept) * np.float32((size / len(volume)) ** 3)
