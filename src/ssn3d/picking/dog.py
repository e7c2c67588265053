"""Particles by difference of Gaussians: reference-free picking, as in the paper.

Voss et al. 2009 (J. Struct. Biol. 166, 205); Pei et al. 2016 (BMC Bioinformatics 17, 405). The
tomogram, blurred by two Gaussians and subtracted, has an extremum at every blob of the particle's
size. The widths follow from the diameter: the kernel crosses zero at the particle's surface.
"""

import math
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ssn3d.core.errors import DataError
from ssn3d.core.log import progress
from ssn3d.picking.blocks import Block, Read, blocks

IsData = Callable[[tuple[slice, ...]], NDArray[np.bool_] | None]
"""Tells which voxels of a part of a volume (z, y, x) hold data; None if all do."""
RATIO = 1.6
"""Of the two widths: the difference then is close to a Laplacian of a Gaussian (Marr & Hildreth
1980, Proc. R. Soc. B 207, 187)."""
_FINEST_SIGMA_VOXELS = 1.5
"""Of the narrower Gaussian: where it is wider, voxels are averaged in blocks before."""
_REACH_SIGMAS = 4.0
_SLAB_VOXELS = 48_000_000


@dataclass(frozen=True)
class Peaks:
    """Extrema of the filtered tomogram."""

    centres: NDArray[np.float64]
    """(n, 3) in voxels of the tomogram, between voxels too."""
    heights: NDArray[np.float64]
    """(n,) positive, in standard deviations of the filtered tomogram."""

    def __len__(self) -> int:
        """Count the peaks."""
        return len(self.heights)

    def __getitem__(self, rows: NDArray[np.bool_] | NDArray[np.int_] | slice) -> "Peaks":
        """Select peaks."""
        return Peaks(self.centres[rows], self.heights[rows])


def sigma_of(diameter: float) -> float:
    """Width of the narrower Gaussian for particles of a diameter, in the diameter's unit."""
    # exp(-r^2/2s^2)/s^3 of both widths are equal at r: r^2 = 6 s^2 ln(q) q^2 / (q^2 - 1)
    return diameter / 2 * math.sqrt((RATIO**2 - 1) / (6 * RATIO**2 * math.log(RATIO)))


def find_peaks(
    read: Read, shape: tuple[int, ...], diameter_voxels: float, is_data: IsData | None = None
) -> Peaks:
    """Find dark blobs in a tomogram (z, y, x), slab by slab; the highest peaks first.

    A peak at the border of the data is left out: its particle may have its centre outside.

    Args:
        read: reads part of it, float32.
        shape: of the tomogram.
        diameter_voxels: of the particles.
        is_data: which voxels of a part hold data, None if all do; others do not count.

    Raises:
        DataError: the tomogram is constant or holds NaN or infinity, or the diameter is not
            between 3 voxels and the tomogram's size.
    """
    if not 3 <= diameter_voxels <= max(shape):  # noqa: PLR2004 -- as said above
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
    squares: list[float] = []  # of each plane, so that their sum does not depend on the slabs
    count, extremes = 0, (math.inf, -math.inf)
    slabs = list(blocks(binned_shape, (thickness, *binned_shape[1:]), halo))
    for slab in progress(slabs, "difference of Gaussians"):
        voxels = _binned(read, slab.halo, shape, binning)
        if not np.isfinite(voxels).all():
            raise DataError("the tomogram holds NaN or infinity; reconstruct it again")
        extremes = min(extremes[0], voxels.min()), max(extremes[1], voxels.max())
        filtered = _difference(voxels, sigma)
        own = tuple(slice(c.start - h.start, c.stop - h.start) for c, h in _axes(slab))
        data = _binned_data(is_data, slab.halo, shape, binning)
        squares += [
            float(np.square(plane[there], dtype=np.float64).sum())
            for plane, there in zip(filtered[own], data[own], strict=True)
        ]
        count += int(data[own].sum())
        found.append(_peaks(filtered, data, slab, binned_shape, binning))
    if extremes[0] == extremes[1]:
        raise DataError("the tomogram is constant: there is nothing to pick; reconstruct it again")
    spread = math.sqrt(math.fsum(squares) / max(count, 1))
    return _joined(found, spread)


def _axes(slab: Block) -> Iterable[tuple[slice, slice]]:
    """Core and halo of a block, axis by axis."""
    return zip(slab.core, slab.halo, strict=True)


def _binned(
    read: Read, part: tuple[slice, ...], shape: tuple[int, ...], binning: int
) -> NDArray[np.float32]:
    """Read a part of the binned volume: means of blocks, which at the end may have fewer voxels."""
    if binning == 1:
        return read(part)
    z, y, x = (axis.stop - axis.start for axis in part)
    ends = [min(axis.stop * binning, n) for axis, n in zip(part, shape, strict=True)]
    inner = [slice(a.start * binning, e) for a, e in zip(part[1:], ends[1:], strict=True)]
    short = [(0, n * binning - (a.stop - a.start)) for n, a in zip((y, x), inner, strict=True)]
    means: NDArray[np.float32] = np.empty((z, y, x), dtype=np.float32)
    for i in range(z):  # so that memory is needed for a few planes, not for all
        first = (part[0].start + i) * binning
        planes = read((slice(first, min(first + binning, ends[0])), *inner)).mean(axis=0)
        padded = np.pad(planes, short, mode="edge")
        means[i] = padded.reshape(y, binning, x, binning).mean(axis=(1, 3))
    return means


def _binned_data(
    is_data: IsData | None, part: tuple[slice, ...], shape: tuple[int, ...], binning: int
) -> NDArray[np.bool_]:
    """Whether at least half of each voxel of a part of the binned volume is data."""

    def read(where: tuple[slice, ...]) -> NDArray[np.float32]:
        found = None if is_data is None else is_data(where)
        if found is None:
            return np.ones([axis.stop - axis.start for axis in where], np.float32)
        return found.astype(np.float32)

    if is_data is None:
        return np.ones([axis.stop - axis.start for axis in part], np.bool_)
    return np.asarray(_binned(read, part, shape, binning) >= 0.5)  # noqa: PLR2004 -- half


def _difference(voxels: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """Wider less narrower blur: positive where the volume is dark."""

    def blurred(width: float) -> NDArray[np.float32]:
        blurred: NDArray[np.float32] = ndimage.gaussian_filter(
            voxels, width, mode="nearest", truncate=_REACH_SIGMAS
        )
        return blurred

    with ThreadPoolExecutor(2) as threads:  # SciPy lets go of the interpreter meanwhile
        wide, narrow = threads.map(blurred, (sigma * RATIO, sigma))
    wide -= narrow
    return wide


def _peaks(
    filtered: NDArray[np.float32],
    data: NDArray[np.bool_],
    slab: Block,
    shape: tuple[int, ...],
    binning: int,
) -> Peaks:
    """Positive maxima of a filtered slab in its core; centres in voxels of the tomogram."""
    highest = ndimage.maximum_filter(filtered, 3, mode="nearest")
    maxima = (filtered == highest) & (filtered > 0)
    if not data.all():
        maxima &= ndimage.binary_erosion(data, np.ones((3, 3, 3), np.bool_), border_value=1)
    places = np.argwhere(maxima)
    voxels = places + slab.start
    inside = ((voxels > 0) & (voxels < np.array(shape) - 1)).all(axis=1)
    places = places[slab.owns(voxels) & inside]
    heights = filtered[tuple(places.T)].astype(np.float64)
    exact = places + slab.start + _offsets(filtered, places, heights)
    return Peaks(exact * binning + (binning - 1) / 2, heights)


def _offsets(
    filtered: NDArray[np.float32], places: NDArray[np.int_], heights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Offsets (n, 3) of the peaks from their voxels: a parabola through each three neighbours."""
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


def _joined(parts: list[Peaks], spread: float) -> Peaks:
    """Peaks of all slabs, the highest first, their heights in units of `spread`."""
    centres = np.concatenate([part.centres for part in parts])
    heights = np.concatenate([part.heights for part in parts]) / (spread or 1.0)
    order = np.argsort(-heights, kind="stable")
    return Peaks(centres[order], heights[order])
