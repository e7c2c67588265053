"""Picks in a tomogram or a segmentation of it, and how they were chosen, in words."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssn3d.core.errors import DataError
from ssn3d.core.log import logger
from ssn3d.picking.blocks import Read
from ssn3d.picking.dog import IsData, find_peaks
from ssn3d.picking.segmentation import Values, find_regions, values_of
from ssn3d.picking.select import find_threshold, inside_mask, non_max_suppression

DISTANCE_OF_DIAMETER = 0.75
"""Least distance of two picks: neighbours that touch are one diameter apart, or less where they
are not spheres, and two peaks in one particle are nearer."""
PROBABILITY = 0.5
"""Voxels that are more likely structure than not."""
_FOUND = "found where the histogram of all blobs bends"
_MOST_OF_ALL = 0.6


@dataclass(frozen=True)
class Picks:
    """Particles found in one tomogram, the best first."""

    centres: NDArray[np.float64]
    """(n, 3) in voxels, (z, y, x)."""
    scores: NDArray[np.float64]
    """(n,)"""
    why: str
    """How they were chosen; where there are none, also what to do."""


@dataclass(frozen=True)
class Choice:
    """What picks are wanted."""

    threshold: float | None
    """Least score; found from the data where there is none."""
    most: int | None
    """Not more than these, the best."""
    distance_angstrom: float | None
    """Least distance of two picks."""
    mask: NDArray[Any] | None
    """Volume (z, y, x) of the tomogram's shape: no picks where it is 0."""


def pick_blobs(
    read: Read,
    shape: tuple[int, ...],
    voxel_size_angstrom: float,
    diameter_angstrom: float,
    choice: Choice,
    *,
    is_data: IsData | None = None,
) -> Picks:
    """Pick particles by difference of Gaussians in a tomogram (z, y, x) whose protein is dark.

    Voxels for which `is_data` is false do not count, and there are no picks in them.

    Raises DataError where the tomogram or the mask is not fit for it.
    """
    _check_mask(choice.mask, shape)
    peaks = find_peaks(read, shape, diameter_angstrom / voxel_size_angstrom, is_data)
    if choice.mask is not None:
        peaks = peaks[inside_mask(peaks.centres, choice.mask)]
    distance = choice.distance_angstrom
    if distance is None:
        distance = DISTANCE_OF_DIAMETER * diameter_angstrom
    peaks = peaks[non_max_suppression(peaks.centres, distance / voxel_size_angstrom)]
    threshold, how = _threshold(peaks.heights, choice.threshold)
    kept = peaks.heights >= threshold
    why = (
        f"{kept.sum()} of {len(peaks)} dark blobs of {diameter_angstrom:g} A at least "
        f"{distance:.4g} A apart are above a threshold of {threshold:.3g} standard deviations "
        f"({how})"
    )
    if not kept.any():
        why += (
            "; is protein bright? Try --protein bright, a lower --threshold or another --diameter"
        )
    elif how == _FOUND and kept.mean() > _MOST_OF_ALL:
        logger.warning(
            "%d of %d blobs are above the threshold found: there may be nothing but noise, or "
            "hardly any; look at the picks, or give --threshold",
            *(kept.sum(), len(peaks)),
        )
    return _best(peaks.centres[kept], peaks.heights[kept], choice.most, why)


def _threshold(heights: NDArray[np.float64], asked: float | None) -> tuple[float, str]:
    """Threshold of the heights of peaks (n,), and how it was chosen."""
    if asked is not None:
        return asked, "as asked"
    found = find_threshold(heights)
    return (0.0, "too few blobs to find one") if found is None else (found, _FOUND)


def pick_regions(
    read: Read,
    shape: tuple[int, ...],
    voxel_size_angstrom: float,
    smallest_diameter_angstrom: float,
    choice: Choice,
) -> Picks:
    """Pick the particles of a segmentation (z, y, x): probabilities, 0 and 1, or labels.

    Raises DataError where the segmentation or the mask is not fit for it.
    """
    _check_mask(choice.mask, shape)
    values = values_of(read, shape, voxel_size_angstrom, smallest_diameter_angstrom)
    threshold, how = choice.threshold, "as asked"
    if threshold is None:
        threshold, how = PROBABILITY, "more likely structure than not"
    regions = find_regions(
        read,
        shape,
        voxel_size_angstrom,
        threshold=threshold,
        smallest_diameter_angstrom=smallest_diameter_angstrom,
        values=values,
    )
    kept = np.ones(len(regions.scores), dtype=bool)
    if choice.mask is not None:
        kept &= inside_mask(regions.centres, choice.mask)
    centres, scores = regions.centres[kept], regions.scores[kept]
    if choice.distance_angstrom is not None:
        kept = non_max_suppression(centres, choice.distance_angstrom / voxel_size_angstrom)
        centres, scores = centres[kept], scores[kept]
    what = _what(values, threshold, how)
    why = (
        f"{len(scores)} {what} with at least the volume of a sphere of "
        f"{smallest_diameter_angstrom:g} A"
    )
    if not len(scores):
        why += "; try a lower --threshold or --smallest, or check the segmentation's values"
    return _best(centres, scores, choice.most, why)


def _what(values: Values, threshold: float, how: str) -> str:
    """Name what was picked."""
    if values.kind == "labels":
        return "labels"
    if values.kind == "classes":
        return "connected regions of labels, each a class (several separate parts a label)"
    if values.kind == "mask":
        return "regions of the mask"
    return f"regions of probability {threshold:g} ({how}) or more"


def _check_mask(mask: NDArray[Any] | None, shape: tuple[int, ...]) -> None:
    """Raise DataError for a mask of another shape, or an empty one."""
    if mask is not None and mask.shape != tuple(shape):
        raise DataError(
            f"the mask has {mask.shape} voxels (z, y, x), the tomogram {tuple(shape)}; give a mask "
            "of the tomogram's shape"
        )
    if mask is not None and not any((plane > 0).any() for plane in mask):
        raise DataError("the mask is 0 everywhere; give one above 0 where particles may be")


def _best(
    centres: NDArray[np.float64], scores: NDArray[np.float64], most: int | None, why: str
) -> Picks:
    """Keep the best, which come first."""
    if most is not None and len(scores) > most:
        why += f"; the best {most} of them are kept"
    return Picks(centres[:most], scores[:most], why)
