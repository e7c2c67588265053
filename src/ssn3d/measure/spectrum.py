"""Power spectrum of a tomogram, averaged over blocks, so that memory does not grow with it.

Each tilt fills a plane of Fourier space that contains the tilt axis, y. Weighted back-projection
gives white noise of the images a power proportional to the distance from that axis; `per_distance`
divides it out, so that what is left of noise are the detector and the rings of the CTF.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from ssn3d.io.tomogram import Tomogram

_BLOCK_VOXELS = 128
_MOST_BLOCKS = 12
_DEFAULT_RANGE_DEG = (-45.0, 45.0)
"""Angles that most tilt series record; used where the range is unknown."""
_BORDER_DEG = 4.0
"""Angles nearer to the edge of the wedge count neither as recorded nor as missing."""
_FEWEST_VOXELS = 20


@dataclass(frozen=True)
class Spectrum:
    """Power by frequency in shells up to Nyquist, in standardised units."""

    voxel_size_angstrom: float
    frequency_per_angstrom: NDArray[np.float64]
    """(n,) middles of shells."""
    recorded: NDArray[np.float64]
    """(n,) mean power where tilts recorded it; NaN in shells of few voxels."""
    per_distance: NDArray[np.float64]
    """(n,) power there per distance from the tilt axis, in voxels of the tomogram."""
    missing: NDArray[np.float64]
    """(n,) mean power in the missing wedge; NaN if that is unknown."""
    recorded_share: NDArray[np.float64]
    """(n,) recorded part of all voxels of Fourier space in each shell, of the whole space."""

    @property
    def cycles_per_voxel(self) -> NDArray[np.float64]:
        """Frequency (n,) relative to the sampling, 0.5 at Nyquist."""
        return self.frequency_per_angstrom * self.voxel_size_angstrom

    @property
    def noise_weight(self) -> NDArray[np.float64]:
        """Recorded power (n,) of noise of which `per_distance` is 1."""
        return self.recorded / self.per_distance


def blocks(
    shape: tuple[int, int, int], edge: int, middle_z: float, most: int
) -> list[tuple[slice, slice, slice]]:
    """Up to `most` blocks spread over a volume (z, y, x), around a height.

    Their edge is that of the volume where it is shorter.
    """
    depth, height, width = (min(edge, n) for n in shape)
    z = max(0, min(round(middle_z - depth / 2), shape[0] - depth))
    ys, xs = (
        np.linspace(0, n - size, max(n // size, 1)).astype(int).tolist()
        for n, size in zip(shape[1:], (height, width), strict=True)
    )
    places = [
        (slice(z, z + depth), slice(y, y + height), slice(x, x + width))
        for y, x in itertools.product(ys, xs)
    ]
    return [places[i] for i in np.unique(np.linspace(0, len(places) - 1, most).astype(int))]


def mean_power(
    tomogram: Tomogram,
    middle_z: float,
    left_out: Sequence[tuple[tuple[float, float, float], float]] = (),
) -> tuple[NDArray[np.float64], tuple[int, int, int]]:
    """Mean power of blocks with data, laid out as rfftn does, and the shape of a block.

    White noise of variance 1 has a power of 1. Blocks partly without data are left out where there
    are others. Spheres `left_out`, by centre in voxels (z, y, x) and radius in angstrom, count as
    the mean: gold, which would outweigh molecules.
    """
    places = blocks(tomogram.grid.shape, _BLOCK_VOXELS, middle_z, _MOST_BLOCKS)
    depth, height, width = (part.stop - part.start for part in places[0])
    z, y, x = (np.hanning(n + 2)[1:-1] for n in (depth, height, width))
    window = z[:, None, None] * y[:, None] * x
    window = (window / np.sqrt(np.mean(window**2))).astype(np.float32)
    whole = [place for place in places if tomogram.is_data(place) is None]
    total, used = np.zeros((depth, height, width // 2 + 1)), whole or places
    for place in used:
        voxels = tomogram.read_dark(place)
        for centre, radius_angstrom in left_out:
            _fill_sphere(voxels, place, centre, radius_angstrom / tomogram.grid.voxel_size_angstrom)
        spectrum = scipy.fft.rfftn((voxels - voxels.mean()) * window)
        total += spectrum.real**2 + spectrum.imag**2
    return total / (len(used) * depth * height * width), (depth, height, width)


def _fill_sphere(
    voxels: NDArray[np.float32],
    place: tuple[slice, ...],
    centre: tuple[float, float, float],
    radius: float,
) -> None:
    """Set a sphere of a part of the volume to the part's mean, in place."""
    axes = zip(place, centre, strict=True)
    spans = [(max(s.start, int(c - radius)), min(s.stop, int(c + radius) + 2)) for s, c in axes]
    if any(low >= high for low, high in spans):
        return
    z, y, x = (np.arange(*span) - c for span, c in zip(spans, centre, strict=True))
    inside = z[:, None, None] ** 2 + y[:, None] ** 2 + x**2 <= radius**2
    firsts = [part.start for part in place]
    box = tuple(slice(a - f, b - f) for (a, b), f in zip(spans, firsts, strict=True))
    voxels[box][inside] = voxels.mean()


def spectrum_of(
    power: NDArray[np.float64],
    size: tuple[int, int, int],
    voxel_size_angstrom: float,
    tilt_range_deg: tuple[float, float] | None,
) -> Spectrum:
    """Reduce the power of blocks (z, y, x), as from `mean_power`, to shells.

    The range of tilts, of the lowest and the highest one, is None if unknown.
    """
    z = scipy.fft.fftfreq(size[0])[:, None, None]
    y = scipy.fft.fftfreq(size[1])[None, :, None]
    x = scipy.fft.rfftfreq(size[2])
    distance = np.broadcast_to(np.hypot(z, x), power.shape)
    angle = np.broadcast_to(np.rad2deg(np.arctan2(z, x)), power.shape)
    low, high = tilt_range_deg or _DEFAULT_RANGE_DEG
    recorded = (angle >= low + _BORDER_DEG) & (angle <= high - _BORDER_DEG)
    missing = (angle < low - _BORDER_DEG) | (angle > high + _BORDER_DEG)
    edges = np.linspace(0, 0.5, max(size[1:]) // 2 + 1)
    shell = np.digitize(np.sqrt(z**2 + y**2 + x**2), edges).ravel()
    count = len(edges) - 1

    def sums(values: NDArray[Any]) -> NDArray[np.float64]:
        return np.asarray(np.bincount(shell, values.ravel(), count + 2)[1 : count + 1], np.float64)

    voxels, all_voxels, unrecorded = sums(recorded), sums(np.ones(power.shape)), sums(missing)
    of_recorded, of_distance = sums(recorded * power), sums(recorded * distance)
    with np.errstate(divide="ignore", invalid="ignore"):
        few = voxels < _FEWEST_VOXELS
        return Spectrum(
            voxel_size_angstrom,
            (edges[:-1] + edges[1:]) / 2 / voxel_size_angstrom,
            np.where(few, np.nan, of_recorded / voxels),
            np.where(few, np.nan, of_recorded / of_distance),
            np.where(
                (unrecorded < _FEWEST_VOXELS) | (tilt_range_deg is None),
                np.nan,
                sums(missing * power) / unrecorded,
            ),
            voxels / np.maximum(all_voxels, 1),
        )
