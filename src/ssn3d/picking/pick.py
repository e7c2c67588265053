"""Picks in a tomogram or its segmentation, with a description of how they were chosen."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssn3d.core.errors import DataError
from ssn3d.core.log import logger
from ssn3d.io.tomogram import IsData
from ssn3d.picking.blocks import Box, Read
from ssn3d.picking.dog import Peaks, find_peaks, height_of_ball
from ssn3d.picking.segmentation import Values, find_regions, values_of
from ssn3d.picking.select import find_threshold, inside_mask, non_max_suppression

DISTANCE_OF_DIAMETER = 0.75
"""Minimum distance of picks in diameters: two peaks in one particle are nearer, and touching
particles that are no spheres may be nearer than one diameter."""
PROBABILITY = 0.5
LEAST_LIKE_BALL = 0.25
"""Minimum height of a peak in a segmentation, relative to a lone particle of the diameter."""
LEAST_PROBABILITY = 0.1
"""Minimum mean probability around a blob."""
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
    diameters_angstrom: NDArray[np.float64] | None = None
    """(n,) of spheres of their volumes; None if unknown."""


@dataclass(frozen=True)
class Choice:
    """Limits on the picks; None for the defaults."""

    threshold: float | None = None
    """Minimum score; by default estimated from the data."""
    most: int | None = None
    """Maximum number of picks."""
    distance_angstrom: float | None = None
    """Minimum distance of two picks."""
    mask: NDArray[Any] | None = None
    """Volume (z, y, x) of the tomogram's shape: voxels that are 0 in it are ignored."""


def pick_blobs(
    read: Read,
    shape: tuple[int, ...],
    voxel_size_angstrom: float,
    diameter_angstrom: float,
    choice: Choice,
    *,
    is_data: IsData | None = None,
    probabilities: Callable[[NDArray[np.float64]], NDArray[np.float64]] | None = None,
) -> Picks:
    """Pick particles by difference of Gaussians in a tomogram (z, y, x) whose protein is dark.

    Voxels without data, for which `is_data` is false, are ignored. If there are `probabilities`
    (n,) of centres (n, 3) to be particles, scores are heights times these.

    Raises DataError if the tomogram is constant or not finite, the diameter impossible, or the mask
    empty or of another shape.
    """
    _check_mask(choice.mask, shape)
    peaks = find_peaks(read, shape, diameter_angstrom / voxel_size_angstrom, is_data)
    peaks, distance = _apart(peaks, choice, diameter_angstrom, voxel_size_angstrom)
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
    centres, scores = peaks.centres[kept], peaks.heights[kept]
    if probabilities is not None:
        found = probabilities(centres)
        order = np.argsort(-scores * found, kind="stable")
        order = order[found[order] >= LEAST_PROBABILITY]
        centres, scores = centres[order], (scores * found)[order]
        why += f"; around {len(order)} the mean probability is {LEAST_PROBABILITY:g} or more"
    return _best(centres, scores, choice.most, why)


def _apart(
    peaks: Peaks, choice: Choice, diameter_angstrom: float, voxel_size_angstrom: float
) -> tuple[Peaks, float]:
    """Keep the best of peaks nearer than a distance in angstrom; return that, too."""
    if choice.mask is not None:
        peaks = peaks[inside_mask(peaks.centres, choice.mask)]
    distance = choice.distance_angstrom or DISTANCE_OF_DIAMETER * diameter_angstrom
    return peaks[non_max_suppression(peaks.centres, distance / voxel_size_angstrom)], distance


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
    sizes_angstrom: tuple[float, float],
    choice: Choice,
    *,
    values: Values | None = None,
) -> Picks:
    """Pick the particles of a segmentation (z, y, x): probabilities, a mask or labels.

    Sizes are the smallest and largest diameter of a sphere of a particle's volume; the threshold of
    the choice is a probability; the meaning of the values is found out if it is not given.

    Raises DataError if the volume is no segmentation, or the mask empty or of another shape.
    """
    _check_mask(choice.mask, shape)
    values = values or values_of(read, shape, voxel_size_angstrom, sizes_angstrom[0])
    threshold = PROBABILITY if choice.threshold is None else choice.threshold
    regions = find_regions(
        *(read, shape, voxel_size_angstrom),
        threshold=threshold,
        smallest_diameter_angstrom=sizes_angstrom[0],
        largest_diameter_angstrom=sizes_angstrom[1],
        values=values,
    )
    rows = np.arange(len(regions.scores))
    if choice.mask is not None:
        rows = rows[inside_mask(regions.centres, choice.mask)]
    if choice.distance_angstrom is not None:
        apart = choice.distance_angstrom / voxel_size_angstrom
        rows = rows[non_max_suppression(regions.centres[rows], apart)]
    described = _DESCRIBED[values.kind].format(threshold=threshold)
    limits = [f"at least the volume of a sphere of {sizes_angstrom[0]:g} A"]
    if np.isfinite(sizes_angstrom[1]):
        limits.append(f"at most that of one of {sizes_angstrom[1]:g} A")
    why = f"{len(rows)} {described} with {' and '.join(limits)}"
    if not len(rows):
        why += "; try a lower --threshold or --smallest, or check the segmentation's values"
    diameters = regions.diameters_angstrom[rows]
    return _best(regions.centres[rows], regions.scores[rows], choice.most, why, diameters)


def pick_sized(
    read: Read,
    shape: tuple[int, ...],
    voxel_size_angstrom: float,
    diameter_angstrom: float,
    choice: Choice,
    *,
    values: Values | None = None,
) -> Picks:
    """Pick particles of one diameter in a segmentation (z, y, x), at peaks of a matched filter.

    The filter is that of `pick_blobs`. A score is the height of a peak relative to that of a lone
    ball of this diameter and probability 1: membranes and larger objects have lower scores, and
    particles that touch are told apart.

    Raises DataError if the volume is neither probabilities, a mask nor classes; the diameter is
    impossible; or the mask is empty or of another shape.
    """
    _check_mask(choice.mask, shape)
    values = values or values_of(read, shape, voxel_size_angstrom, diameter_angstrom)
    if values.kind == "labels":
        raise DataError("the labels are of single particles, picked as they are; omit --diameter")

    def negative(part: Box) -> NDArray[np.float32]:
        found = read(part)
        if values.kind != "probability":
            wanted = np.isin(found, values.classes) if values.classes else found > 0
            found = wanted.astype(np.float32)
        return -found

    diameter = diameter_angstrom / voxel_size_angstrom
    peaks = find_peaks(negative, shape, diameter, unit=height_of_ball())
    peaks, distance = _apart(peaks, choice, diameter_angstrom, voxel_size_angstrom)
    threshold = LEAST_LIKE_BALL if choice.threshold is None else choice.threshold
    kept = peaks.heights >= threshold
    why = (
        f"{kept.sum()} of {len(peaks)} blobs of {diameter_angstrom:g} A at least {distance:.4g} A "
        f"apart are above a threshold of {threshold:.3g} (a ball of probability 1 has 1)"
    )
    if not kept.any():
        why += "; try a lower --threshold or another --diameter"
    return _best(peaks.centres[kept], peaks.heights[kept], choice.most, why)


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
    centres: NDArray[np.float64],
    scores: NDArray[np.float64],
    most: int | None,
    why: str,
    diameters: NDArray[np.float64] | None = None,
) -> Picks:
    """Keep at most `most` picks; the best come first."""
    if most is not None and len(scores) > most:
        why += f"; the best {most} of them are kept"
    return Picks(
        centres[:most], scores[:most], why, None if diameters is None else diameters[:most]
    )
