"""Gold beads: round spots several times as dense as macromolecules."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ssn3d.io.tomogram import Tomogram

_FINE_BINS, _COARSE_BINS = 1.0, 4.0
_DENSE, _DENSER = 8.0, 3.0
"""A bead is this many interquartile ranges from the median, and this many times as dense as the
median of the peaks that are clear of noise."""
_CLEAR = 3.0
"""Interquartile ranges from the median beyond which a peak is clear of noise."""
_PEAK_BINS = 7
_DIAMETERS_ANGSTROM = (40.0, 400.0)
_LEAST_VOXELS = 2.5
"""Smallest diameter in voxels; in coarser ones a single voxel of noise looks like a bead."""
_REACH_ANGSTROM = 400.0
COARSEST_VOXEL_ANGSTROM = 25.0
"""In coarser voxels beads of 10 nm cannot be told from dirt."""
_ROUND = 1.6
"""Largest ratio of the longer to the shorter axis of a bead in a section."""
_EDGE = 0.2
"""Where the section of a bead in the CTF's fringes is 0.93 times as wide as the bead: measured."""
_WIDTH_OF_BEAD = 0.93
_MOST_PEAKS = 500


@dataclass(frozen=True)
class Bead:
    """A gold bead."""

    centre: tuple[float, float, float]
    """(z, y, x) in voxels."""
    diameter_angstrom: float
    """Width of its central section where the density reaches _EDGE of the highest, corrected."""


def find_beads(tomogram: Tomogram) -> list[Bead]:
    """Find gold beads, densest first; empty if there are none, or voxels are too coarse."""
    if tomogram.grid.voxel_size_angstrom > COARSEST_VOXEL_ANGSTROM:
        return []
    binned = tomogram.found.binned
    peaks = _dense_peaks(-binned if tomogram.protein_is_dark else binned)
    beads = []
    for peak in peaks[:_MOST_PEAKS]:
        bead = _measure(tomogram, (peak + 0.5) * tomogram.found.bin_voxels - 0.5)
        if bead is not None:
            beads.append(bead)
    return beads


def _dense_peaks(bright: NDArray[np.float32]) -> NDArray[np.int_]:
    """Bins (n, 3) of the peaks of a binned volume that are as dense as gold, densest first."""
    data = ~np.isnan(bright)
    filled = np.where(data, bright, np.float32(0))
    band = ndimage.gaussian_filter(filled, _FINE_BINS)
    band -= ndimage.gaussian_filter(filled, _COARSE_BINS)
    low, middle, high = np.quantile(band[data], (0.25, 0.5, 0.75))
    is_peak = (band == ndimage.maximum_filter(band, _PEAK_BINS)) & data
    places = np.argwhere(is_peak)
    heights = (band[is_peak] - middle) / max(float(high - low), 1e-30)
    clear = heights[heights > _CLEAR]
    if not len(clear):
        return np.empty((0, 3), np.int_)
    dense = heights > max(_DENSE, _DENSER * float(np.median(clear)))
    return np.asarray(places[dense][np.argsort(-heights[dense], kind="stable")])


def _measure(tomogram: Tomogram, centre: NDArray[np.float64]) -> Bead | None:
    """Measure the spot at a centre (z, y, x) in its central section; None if it is no bead."""
    size_angstrom, shape = tomogram.grid.voxel_size_angstrom, tomogram.grid.shape
    reach = math.ceil(_REACH_ANGSTROM / size_angstrom)
    start = [max(0, round(c) - reach) for c in centre[1:]]
    stop = [min(n, round(c) + reach + 1) for c, n in zip(centre[1:], shape[1:], strict=True)]
    thin = max(0, round(20.0 / size_angstrom))
    z = round(centre[0])
    where = (slice(max(0, z - thin), z + thin + 1), *map(slice, start, stop))
    section = tomogram.read(where).mean(axis=0, dtype=np.float64)
    section = (np.median(section) - section) * (1 if tomogram.protein_is_dark else -1)
    y, x = (round(c) - s for c, s in zip(centre[1:], start, strict=True))
    around = (slice(max(0, y - 3), y + 4), slice(max(0, x - 3), x + 4))
    near = section[around]
    if near.size == 0 or not near.max() > 0:
        return None
    spots, _ = ndimage.label(section > _EDGE * near.max())
    spot = spots == spots[around][near == near.max()][0]
    points = np.argwhere(spot).astype(np.float64)
    diameter = 2 * math.sqrt(len(points) / math.pi) * size_angstrom / _WIDTH_OF_BEAD
    low, high = _DIAMETERS_ANGSTROM
    if not max(low, _LEAST_VOXELS * size_angstrom) <= diameter <= high:
        return None
    spread = (
        np.linalg.eigvalsh(np.cov(points.T) + np.eye(2) / 12) if len(points) > 1 else np.ones(2)
    )
    if math.sqrt(spread[1] / spread[0]) > _ROUND:
        return None
    middle = points.mean(axis=0) + start
    return Bead((float(centre[0]), float(middle[0]), float(middle[1])), diameter)
