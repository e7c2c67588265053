"""Classical baselines: a threshold of the smoothed density, and the component at the centre.

Otsu's threshold comes from the subtomogram's histogram (Otsu 1979, IEEE Trans. SMC 9). The oracle's
is chosen by the true masks of the test subtomograms: an upper bound of all methods with one
threshold for all subtomograms.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from joblib import Parallel, delayed  # type: ignore[import-untyped]
from numpy.typing import NDArray
from scipy import ndimage
from skimage.filters import threshold_otsu

from ssn3d.core.log import progress
from ssn3d.segmentation.baseline.segment import (
    NO_CLUSTER_AT_CENTRE,
    NOTHING_ABOVE_THRESHOLD,
    cluster_at_centre,
    smoothed_density,
)
from ssn3d.segmentation.evaluation.metrics import SEGMENTED
from ssn3d.segmentation.settings import BaselineParameters
from ssn3d.subtomograms.samples import Rows, Samples, groups_of

LEVELS = np.arange(0.5, 3.05, 0.1).round(1)
"""Thresholds of the oracle, in standard deviations of the smoothed density above its mean."""
_FOR_ORACLE = 200  # evenly spaced subtomograms: the best level hardly depends on which


def segment_by_threshold(
    image: NDArray[np.floating[Any]], parameters: BaselineParameters, level: float | None
) -> tuple[NDArray[np.bool_], str]:
    """Segment the particle at the centre of a subtomogram (s, s, s) with negative protein.

    Components above the threshold `level`, in standard deviations (None: Otsu's), are connected by
    faces. Returns the mask and the outcome, as `segment` does.
    """
    density = smoothed_density(image, parameters.smoothing_sigma_voxels)
    if level is None:
        level = float(threshold_otsu(density))  # type: ignore[no-untyped-call]
    return _component(density, parameters, level)


def _component(
    density: NDArray[np.float64], parameters: BaselineParameters, level: float
) -> tuple[NDArray[np.bool_], str]:
    """Mask of the component above a level at the centre, and the outcome."""
    components, count = ndimage.label(density > level)
    mask = cluster_at_centre(
        components.astype(np.int32, copy=False), parameters.central_radius_voxels
    )
    if mask.any():
        return mask, SEGMENTED
    return mask, NO_CLUSTER_AT_CENTRE if count else NOTHING_ABOVE_THRESHOLD


def threshold_rows(
    samples: Samples, rows: Rows, parameters: BaselineParameters, level: float | None
) -> Iterator[tuple[NDArray[np.bool_], NDArray[np.uint8], list[str]]]:
    """Yield masks, true masks (m, s, s, s) and outcomes of subtomograms, some at a time."""
    for some in groups_of(rows):
        images, truth = samples.read(some)
        found = [segment_by_threshold(image, parameters, level) for image in images]
        masks, outcomes = zip(*found, strict=True)
        yield np.stack(masks), truth, list(outcomes)


def best_level(samples: Samples, rows: Rows, parameters: BaselineParameters, workers: int) -> float:
    """Choose the level of the highest mean IoU with the true masks at `rows`."""
    total, every = np.zeros(len(LEVELS)), max(1, len(rows) // _FOR_ORACLE)
    for some in progress(groups_of(rows[::every]), "oracle"):
        pairs = zip(*samples.read(some), strict=True)
        tasks = (delayed(_ious)(image, mask, parameters) for image, mask in pairs)
        total += np.sum(Parallel(n_jobs=workers)(tasks), axis=0)
    return float(LEVELS[total.argmax()])


def _ious(
    image: NDArray[np.float16], truth: NDArray[np.uint8], parameters: BaselineParameters
) -> NDArray[np.float64]:
    """IoU of the target at each of `LEVELS`; 1 if both masks are empty."""
    density, true = smoothed_density(image, parameters.smoothing_sigma_voxels), truth > 0
    masks = np.stack([_component(density, parameters, level)[0] for level in LEVELS])
    union = (masks | true).sum(axis=(1, 2, 3))
    both = (masks & true).sum(axis=(1, 2, 3))
    return np.where(union > 0, both / np.maximum(union, 1), 1.0)
