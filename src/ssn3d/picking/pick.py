"""Picks in a tomogram or its segmentation, with a description of how they were chosen."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssn3d.core.errors import DataError
from ssn3d.core.log import logger
from ssn3d.picking.blocks import Read
from ssn3d.picking.dog import IsData, find_peaks
from ssn3d.picking.segmentation import find_regions, values_of
from ssn3d.picking.select import find_threshold, inside_mask, non_max_suppression

DISTANCE_OF_DIAMETER = 0.75
"""Minimum distance of picks in diameters: two peaks in one particle are nearer, and touching
particles that are no spheres may be nearer than one diameter."""
PROBABILITY = 0.5
_ESTIMATED = "estimated from the histogram of all blobs"
_SUSPICIOUS_FRACTION = 0.6
_DESCRIBED = {
    "labels": "labels",
    "classes": "connected regions of labels, each a class (several separate parts a label)",
    "mask": "regions of the mask",
    "probability": "regions of probability {threshold:g} or more",
}


@dataclass(frozen=True)
class Picks:
    """Particles found in one tomogram, best first."""

    centres: NDArray[np.float64]
    """(n, 3) in voxels, (z, y, x)."""
    scores: NDArray[np.float64]
    """(n,)"""
    why: str
    """How they were chosen and, if there are none, what to try."""


@dataclass(frozen=True)
class Choice:
    """Limits on the picks; None for the defaults."""

    threshold: float | None
    """Minimum score; by default estimated from the data."""
    most: int | None
    """Maximum number of picks."""
    distance_angstrom: float | None
    """Minimum distance of two picks."""
    mask: NDArray[Any] | None
    """Volume (z, y, x) of the tomogram's shape: voxels that are 0 in it are ignored."""


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

    Voxels without data, for which `is_data` is false, are ignored.

    Raises DataError if the tomogram is constant or not finite, the diameter impossible, or the mask
    empty or of another shape.
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
    elif how == _ESTIMATED and kept.mean() > _SUSPICIOUS_FRACTION:
        logger.warning(
            "%d of %d blobs are above the estimated threshold: the tomogram may hold nothing but "
            "noise, or hardly any noise; look at the picks, or give --threshold",
            *(kept.sum(), len(peaks)),
        )
    return _best(peaks.centres[kept], peaks.heights[kept], choice.most, why)


def _threshold(heights: NDArray[np.float64], given: float | None) -> tuple[float, str]:
    """Threshold of the heights of peaks (n,), and how it was chosen."""
    if given is not None:
        return given, "given"
    found = find_threshold(heights)
    return (0.0, "too few blobs to estimate one") if found is None else (found, _ESTIMATED)


def pick_regions(
    read: Read,
    shape: tuple[int, ...],
    voxel_size_angstrom: float,
    smallest_diameter_angstrom: float,
    choice: Choice,
) -> Picks:
    """Pick the particles of a segmentation (z, y, x): probabilities, a mask or labels.

    Raises DataError if the volume is no segmentation, or the mask empty or of another shape.
    """
    _check_mask(choice.mask, shape)
    values = values_of(read, shape, voxel_size_angstrom, smallest_diameter_angstrom)
    threshold = PROBABILITY if choice.threshold is None else choice.threshold
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
    described = _DESCRIBED[values.kind].format(threshold=threshold)
    why = (
        f"{len(scores)} {described} with at least the volume of a sphere of "
        f"{smallest_diameter_angstrom:g} A"
    )
    if not len(scores):
        why += "; try a lower --threshold or --smallest, or check the segmentation's values"
    return _best(centres, scores, choice.most, why)


def _check_mask(mask: NDArray[Any] | None, shape: tuple[int, ...]) -> None:
    """Raise DataError if a mask is empty or of another shape."""
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
    """Keep at most `most` picks; the best come first."""
    if most is not None and len(scores) > most:
        why += f"; the best {most} of them are kept"
    return Picks(centres[:most], scores[:most], why)
