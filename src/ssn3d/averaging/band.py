"""Band of frequencies by which particles are aligned, and the missing wedge.

Frequencies are whole numbers of periods in a box of s voxels, (z, y, x); the phase origin is voxel
s // 2. The tilt axis is y: a tilt by an angle a records the plane of y and (x, z) = (cos a, sin a);
frequencies beyond the lowest and highest tilt are the missing wedge. Turning a tomogram about x by
90 degrees instead of exchanging y and z reverses z, and thereby the sign of the angles.
"""

from dataclasses import dataclass

import numpy as np
import scipy.fft
import scipy.ndimage
from numpy.typing import NDArray

ALL_TILTS_DEG = (-90.0, 90.0)
_PADDING = 2
"""Size of a padded reference in boxes; linear interpolation is then 1% off at 40 angstrom."""
_ROUNDING = 1e-6  # periods in a box


@dataclass(frozen=True)
class Band:
    """Frequencies of one half of Fourier space; the other half is its conjugate."""

    size: int
    """Edge of the box in voxels."""
    frequencies: NDArray[np.int_]
    """(m, 3), z, y, x, periods in a box."""

    @property
    def shells(self) -> NDArray[np.int_]:
        """Shell of each frequency, (m,): its rounded length."""
        lengths = np.linalg.norm(self.frequencies, axis=1)
        return np.asarray(np.rint(lengths).astype(int))

    def __len__(self) -> int:
        return len(self.frequencies)

    def shift_phases(self, shifts: NDArray[np.float64]) -> NDArray[np.complex64]:
        """Phase factors (..., m) that undo shifts (..., 3), z, y, x in voxels, of a particle."""
        step = (2 * np.pi / self.size * self.frequencies.T).astype(np.float32)
        angles = shifts.astype(np.float32) @ step
        phases: NDArray[np.complex64] = (np.cos(angles) + 1j * np.sin(angles)).astype(np.complex64)
        return phases


def recorded(
    directions: NDArray[np.floating] | NDArray[np.int_], tilt_range_deg: tuple[float, float]
) -> NDArray[np.bool_]:
    """True for frequencies (..., 3), z, y, x, that are recorded by a range of tilts about y."""
    z, x = directions[..., 0], directions[..., 2]
    up, across = np.where(x < 0, -z, z), np.abs(x)
    low, high = np.deg2rad(tilt_range_deg).tolist()
    above = up * np.cos(low) >= across * np.sin(low) - _ROUNDING
    below = up * np.cos(high) <= across * np.sin(high) + _ROUNDING
    steepest = low <= -np.pi / 2 or high >= np.pi / 2
    tilted = np.where(x == 0, steepest, above & below)  # +-90 degrees are one direction
    return np.asarray(tilted | ((z == 0) & (x == 0)))


def make_band(size: int, highest: int, tilt_range_deg: tuple[float, float]) -> Band:
    """Make the band of recorded frequencies in shells 1 to `highest`, one per conjugate pair."""
    axis = np.arange(-highest, highest + 1)
    everything = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)
    half = everything[len(everything) // 2 + 1 :]  # those after 0
    lengths = np.rint(np.linalg.norm(half, axis=1))
    return Band(size, half[(lengths <= highest) & recorded(half, tilt_range_deg)])


def spectra(images: NDArray[np.float32], band: Band) -> NDArray[np.complex64]:
    """Transforms (n, m) of images (n, s, s, s) at the frequencies of a band."""
    z, y, x = band.frequencies.T
    found = np.empty((len(images), len(band)), dtype=np.complex64)
    for row, image in enumerate(images):
        found[row] = scipy.fft.fftn(scipy.fft.ifftshift(image))[z, y, x]
    return found


class Reference:
    """Fourier transform of a map, for sampling at any orientation."""

    def __init__(self, volume: NDArray[np.float32]) -> None:
        """Transform a map (s, s, s) that is 0 towards its edges."""
        size = len(volume)
        wide = _PADDING * size
        # linear interpolation of the transform multiplies the map by sinc^2 along each axis
        envelope = np.sinc((np.arange(size) - size // 2) / wide) ** 2
        low = wide // 2 - size // 2  # so that the middles meet
        padded = np.zeros((wide,) * 3, dtype=np.float32)
        padded[(slice(low, low + size),) * 3] = volume / (
            envelope[:, None, None] * envelope[:, None] * envelope
        )
        self._transform = scipy.fft.fftshift(scipy.fft.fftn(scipy.fft.ifftshift(padded)))
        self._middle = wide // 2

    def sample(self, rotations: NDArray[np.float64], band: Band) -> NDArray[np.complex64]:
        """Transforms (n, m) of the map turned by rotations (n, 3, 3), at a band's frequencies."""
        # V(R^T x) has the transform of V at R^T k, which is k @ R
        places = band.frequencies @ rotations  # (n, m, 3)
        coordinates = _PADDING * np.moveaxis(places, -1, 0).reshape(3, -1) + self._middle
        sampled: NDArray[np.complex64] = scipy.ndimage.map_coordinates(
            self._transform, coordinates, order=1, prefilter=False
        )
        return sampled.reshape(len(rotations), len(band))
