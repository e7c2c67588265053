"""Standardisation of a whole tomogram, robust to gold, dirt, carbon and vacuum.

A network that is trained on cubes of tomograms standardised as a whole sees the contrast of a place
relative to the rest of the specimen; a cube standardised by itself would stretch the noise of
vacuum to the contrast of a crowded cell. So the scale must not depend on how much vacuum surrounds
the specimen, nor on a few dense objects:

1. The volume is cut into blocks of 40^3 voxels. Outliers of a block (farther from its median than
   twice its tails of 2%; 4 standard deviations of Gaussian noise) are clipped, and its spread is
   the standard deviation of the rest.
2. The scale is a quantile of the spreads, 0.7, in which blocks count by their variance: vacuum
   varies less than the specimen, so most of the weight is the specimen's even in a third of the
   volume. No block counts for more than one of three times the median spread, lest a few blocks
   of carbon or dirt decide.
3. The middle is the median of the blocks' medians, with the same weights.
4. Values farther from the middle than 8 scales are clipped.
"""

from collections.abc import Iterable
from itertools import product
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ssn3d.core.errors import DataError

Standardised = Literal["tile", "tomogram"]
"""What is standardised: each cube that a network is given (`core.cubes`), or the tomogram."""
BLOCK_VOXELS = 40
"""Edge of a block: a few particles wide at 10 A."""
MOST_BLOCKS = 1000
"""Blocks measured at most; of larger volumes they are spread evenly."""
CLIP_SCALES = 8.0
_TAIL = 0.02
_BEYOND_TAIL = 2.0
_QUANTILE = 0.7
_MOST_WEIGHT = 3.0  # in median spreads


class Standard(NamedTuple):
    """Middle and scale of a volume, and the limits to which its values are clipped."""

    middle: float
    scale: float
    low: float
    high: float


def standard_scale(volume: NDArray[np.floating]) -> Standard:
    """Measure middle and scale of a volume (z, y, x), an array or memory map.

    Raises DataError if the volume is constant.
    """
    return scale_of_blocks(
        np.asarray(volume[part], np.float32) for part in block_parts(volume.shape)
    )


def block_parts(shape: tuple[int, ...]) -> list[tuple[slice, ...]]:
    """List the parts of a volume (z, y, x) that are measured, at most `MOST_BLOCKS`."""
    counts = np.array([-(-length // BLOCK_VOXELS) for length in shape])
    while counts.prod() > MOST_BLOCKS:
        counts[counts.argmax()] -= 1
    axes = []
    for length, count in zip(shape, counts, strict=True):
        size = min(BLOCK_VOXELS, length)
        starts = np.linspace(0, length - size, count).round().astype(int).tolist()
        axes.append([slice(start, start + size) for start in starts])
    return list(product(*axes))


def scale_of_blocks(blocks: Iterable[NDArray[np.floating]]) -> Standard:
    """Measure middle and scale of a volume from blocks of it, in which NaN is not data.

    Blocks of which less than half is data count only if there are no others.

    Raises DataError if all blocks are constant.
    """
    rows = []
    for block in blocks:
        values = block[np.isfinite(block)].astype(np.float64)
        if values.size:
            rows.append((2 * values.size >= block.size, *_median_and_spread(values)))
    found = np.array(rows, float).reshape(-1, 3)
    found = found[found[:, 2] > 0]
    if not len(found):
        raise DataError("the volume is constant; it is damaged or empty")
    if found[:, 0].any():
        found = found[found[:, 0] > 0]
    _, medians, spreads = found.T
    weights = np.minimum(spreads, _MOST_WEIGHT * np.median(spreads)) ** 2
    scale = _weighted_quantile(spreads, weights, _QUANTILE)
    middle = _weighted_quantile(medians, weights, 0.5)
    return Standard(middle, scale, middle - CLIP_SCALES * scale, middle + CLIP_SCALES * scale)


def _median_and_spread(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return the median of values (n,), and their standard deviation with outliers clipped."""
    low, median, high = np.quantile(values, (_TAIL, 0.5, 1 - _TAIL))
    clipped = values.clip(
        median - _BEYOND_TAIL * (median - low), median + _BEYOND_TAIL * (high - median)
    )
    return float(median), float(clipped.std())


def _weighted_quantile(
    values: NDArray[np.float64], weights: NDArray[np.float64], fraction: float
) -> float:
    """Interpolate the value below which a fraction of the weights lies."""
    order = np.argsort(values, kind="stable")
    below = np.cumsum(weights[order]) - weights[order] / 2
    return float(np.interp(fraction * weights.sum(), below, values[order]))


def standardise_volume(volume: NDArray[np.floating], standard: Standard) -> NDArray[np.float32]:
    """Standardise a volume (z, y, x), or part of one, whose protein is dark."""
    clipped: NDArray[np.float32] = np.clip(volume, *standard[2:]).astype(np.float32)
    clipped -= np.float32(standard.middle)
    clipped /= np.float32(standard.scale)
    return clipped
