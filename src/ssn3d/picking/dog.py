"""Reference-free picking by difference of Gaussians, as in the paper.

Voss et al. 2009 (J. Struct. Biol. 166, 205); Pei et al. 2016 (BMC Bioinformatics 17, 405). The
difference of two blurs of the tomogram has an extremum at every blob of the particle's size. The
widths follow from the diameter: the kernel crosses zero at the particle's surface.
"""

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ssn3d.core.errors import DataError
from ssn3d.core.log import progress
from ssn3d.io.tomogram import IsData
from ssn3d.picking.blocks import Block, Box, Read, blocks

RATIO = 1.6
"""Ratio of the widths at which the difference is close to a Laplacian of a Gaussian (Marr &
Hildreth 1980, Proc. R. Soc. B 207, 187)."""
_FINEST_SIGMA_VOXELS = 1.5
"""Volumes are binned as far as the narrower Gaussian stays at least this wide."""
_REACH_SIGMAS = 4.0
_SLAB_VOXELS = 48_000_000


@dataclass(frozen=True)
class Peaks:
    """Extrema of the filtered tomogram."""

    centres: NDArray[np.float64]
    """(n, 3) in voxels of the tomogram, with subvoxel precision."""
    heights: NDArray[np.float64]
    """(n,) positive, in standard deviations of the filtered tomogram or another unit."""

    def __len__(self) -> int:
        return len(self.heights)

    def __getitem__(self, rows: NDArray[np.bool_] | NDArray[np.int_] | slice) -> "Peaks":
        return Peaks(self.centres[rows], self.heights[rows])


def sigma_of(diameter: float) -> float:
    """Width of the narrower Gaussian, in the unit of the particles' diameter."""
    # exp(-r^2/2s^2)/s^3 is equal for both widths at r^2 = 6 s^2 ln(q) q^2 / (q^2 - 1)
    return diameter / 2 * math.sqrt((RATIO**2 - 1) / (6 * RATIO**2 * math.log(RATIO)))


def height_of_ball() -> float:
    """Height of the peak of a ball of the kernel's diameter and a contrast of 1.

    A normal distribution of width s has the part erf(t) - 2 t exp(-t^2) / sqrt(pi) inside a radius
    of sqrt(2) s t.
    """
    narrow = 0.5 / sigma_of(1.0) / math.sqrt(2)
    parts = [
        math.erf(t) - 2 * t * math.exp(-(t**2)) / math.sqrt(math.pi)
        for t in (narrow, narrow / RATIO)
    ]
    return parts[0] - parts[1]


def find_peaks(
    read: Read,
    shape: tuple[int, ...],
    diameter_voxels: float,
    is_data: IsData | None = None,
    unit: float | None = None,
) -> Peaks:
    """Find dark blobs in a tomogram (z, y, x), slab by slab; highest peaks first.

    Peaks at the border of the data are left out: the particle's centre may be outside.

    Args:
        read: reads part of the tomogram.
        shape: (z, y, x) of the tomogram.
        diameter_voxels: particle diameter in voxels.
        is_data: gives the voxels with data; others are ignored. None if all have data.
        unit: unit of the heights, instead of the standard deviation of the filtered tomogram.

    Raises DataError if the volume holds NaN or infinity or, without a unit, is constant, or the
    diameter is not between 3 voxels and the tomogram's size.
    """
    if not 3 <= diameter_voxels <= max(shape):  # noqa: PLR2004 -- see Raises
        raise DataError(
            f"a diameter of {diameter_voxels:.3g} voxels is not between 3 and {max(shape)}, the "
            "tomogram's size; give the particles' diameter in angstrom, and check the voxel size"
        )
    sigma = sigma_of(diameter_voxels)
    binning = max(1, int(sigma / _FINEST_SIGMA_VOXELS))
    sigma /= binning
    binned_shape = tuple(-(-length // binning) for length in shape)
    halo = math.ceil(_REACH_SIGMAS * sigma * RATIO) + 2
    plane = binned_shape[1] * binned_shape[2]
    thickness = max(_SLAB_VOXELS // plane - 2 * halo, halo)
    found: list[Peaks] = []
    squares: list[float] = []  # by section, so that their sum does not depend on the slabs
    count, extremes = 0, (math.inf, -math.inf)
    slabs = list(blocks(binned_shape, (thickness, *binned_shape[1:]), halo))
    for slab in progress(slabs, "difference of Gaussians"):
        voxels = _binned(read, slab.halo, shape, binning)
        if not np.isfinite(voxels).all():
            raise DataError("the tomogram holds NaN or infinity; reconstruct it again")
        extremes = min(extremes[0], voxels.min()), max(extremes[1], voxels.max())
        filtered = _difference(voxels, sigma)
        data, core = _binned_data(is_data, slab.halo, shape, binning), slab.core_in_halo
        squares += [
            float(np.square(section[there], dtype=np.float64).sum())
            for section, there in zip(filtered[core], data[core], strict=True)
        ]
        count += int(data[core].sum())
        found.append(_peaks(filtered, data, slab, binned_shape, binning))
    if extremes[0] == extremes[1] and unit is None:
        raise DataError("the tomogram is constant: there is nothing to pick; reconstruct it again")
    spread = unit or math.sqrt(math.fsum(squares) / max(count, 1)) or 1.0
    centres = np.concatenate([peaks.centres for peaks in found])
    heights = np.concatenate([peaks.heights for peaks in found]) / spread
    return Peaks(centres, heights)[np.argsort(-heights, kind="stable")]


def _binned(read: Read, part: Box, shape: tuple[int, ...], binning: int) -> NDArray[np.float32]:
    """Read part of the binned volume: means of blocks, of fewer voxels at the end of the volume."""
    if binning == 1:
        return read(part)
    z, y, x = (axis.stop - axis.start for axis in part)
    ends = [min(axis.stop * binning, n) for axis, n in zip(part, shape, strict=True)]
    inner = [slice(a.start * binning, e) for a, e in zip(part[1:], ends[1:], strict=True)]
    short = [(0, n * binning - (a.stop - a.start)) for n, a in zip((y, x), inner, strict=True)]
    means: NDArray[np.float32] = np.empty((z, y, x), dtype=np.float32)
    for i in range(z):  # memory is needed for a few sections, not for all
        first = (part[0].start + i) * binning
        planes = read((slice(first, min(first + binning, ends[0])), *inner)).mean(axis=0)
        padded = np.pad(planes, short, mode="edge")
        means[i] = padded.reshape(y, binning, x, binning).mean(axis=(1, 3))
    return means


def _binned_data(
    is_data: IsData | None, part: Box, shape: tuple[int, ...], binning: int
) -> NDArray[np.bool_]:
    """Voxels of part of the binned volume of which at least half is data."""

    def read(where: Box) -> NDArray[np.float32]:
        data = None if is_data is None else is_data(where)
        everywhere = np.ones([axis.stop - axis.start for axis in where], np.float32)
        return everywhere if data is None else data.astype(np.float32)

    part_of_data = read(part) if is_data is None else _binned(read, part, shape, binning)
    return np.asarray(part_of_data >= 0.5)  # noqa: PLR2004 -- half


def _difference(voxels: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """Wider minus narrower blur: positive where the volume is dark."""
    blur = partial(ndimage.gaussian_filter, voxels, mode="nearest", truncate=_REACH_SIGMAS)
    with ThreadPoolExecutor(2) as threads:  # SciPy releases the interpreter lock meanwhile
        wide, narrow = threads.map(blur, (sigma * RATIO, sigma))
    wide -= narrow
    return np.asarray(wide)


def _peaks(
    filtered: NDArray[np.float32],
    data: NDArray[np.bool_],
    slab: Block,
    shape: tuple[int, ...],
    binning: int,
) -> Peaks:
    """Positive maxima in the core of a filtered slab; centres in voxels of the tomogram."""
    highest = ndimage.maximum_filter(filtered, 3, mode="nearest")
    maxima = (filtered == highest) & (filtered > 0)
    if not data.all():
        maxima &= ndimage.binary_erosion(data, np.ones((3, 3, 3), np.bool_), border_value=1)
    places = np.argwhere(maxima)
    voxels = places + slab.start
    inside = ((voxels > 0) & (voxels < np.array(shape) - 1)).all(axis=1)
    places = places[slab.contains(voxels) & inside]
    heights = filtered[tuple(places.T)].astype(np.float64)
    exact = places + slab.start + _offsets(filtered, places, heights)
    return Peaks(exact * binning + (binning - 1) / 2, heights)


def _offsets(
    filtered: NDArray[np.float32], places: NDArray[np.int_], heights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Offsets (n, 3) of peaks from their voxels, by a parabola through three voxels an axis."""
    offsets = np.zeros(places.shape)
    for axis in range(3):
        inside = (places[:, axis] > 0) & (places[:, axis] < filtered.shape[axis] - 1)
        step = np.eye(3, dtype=int)[axis]
        before = filtered[tuple((places[inside] - step).T)]
        after = filtered[tuple((places[inside] + step).T)]
        curvature = 2 * (2 * heights[inside] - before - after)
        shift = (after - before) / np.where(curvature > 0, curvature, 1)
        offsets[inside, axis] = np.clip(shift, -0.5, 0.5)
    return offsets
