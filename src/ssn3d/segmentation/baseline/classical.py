"""Classical references: a threshold of the smoothed density, and the component at the centre.

Otsu's threshold comes from a subtomogram's own histogram (Otsu 1979, IEEE Trans. SMC 9). The oracle
takes the one threshold that is best for the subtomograms that it is scored on, by their true masks:
no method that applies one threshold to all can be better.
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
"""What the oracle chooses from, in standard deviations of the smoothed density over its mean."""
_AT_ONCE = 64  # subtomograms in memory
_FOR_ORACLE = 200  # subtomograms, evenly from all: the best level hardly depends on which


def segment_by_threshold(
    image: NDArray[np.floating[Any]], parameters: BaselineParameters, level: float | None
) -> tuple[NDArray[np.bool_], str]:
    """Segment the particle at the centre of a subtomogram (s, s, s), in which protein is negative.

    It is smoothed, and its target chosen among the components above the threshold, which touch by
    faces, as the baseline does. `level` is the threshold in standard deviations; None is Otsu's.
    Returns the mask and the outcome, one of those of `baseline`.
    """
    density = smoothed_density(image, parameters.smoothing_sigma_voxels)
    if level is None:
        level = float(threshold_otsu(density))  # type: ignore[no-untyped-call]
    return _component(density, parameters, level)


def _component(
    density: NDArray[np.float64], parameters: BaselineParameters, level: float
) -> tuple[NDArray[np.bool_], str]:
    """Take the component at the centre of what is above a level, and the outcome."""
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
    """Segment subtomograms; yield masks, true masks (m, s, s, s) and outcomes, some at a time."""
    for some in groups_of(rows, _AT_ONCE):
        images, truth = samples.read(some)
        found = [segment_by_threshold(image, parameters, level) for image in images]
        masks, outcomes = zip(*found, strict=True)
        yield np.stack(masks), truth, list(outcomes)


def best_level(samples: Samples, rows: Rows, parameters: BaselineParameters, workers: int) -> float:
    """Choose, by true masks of the subtomograms at `rows`, the level of the highest mean IoU."""
    total, every = np.zeros(len(LEVELS)), max(1, len(rows) // _FOR_ORACLE)
    for some in progress(groups_of(rows[::every], _AT_ONCE), "oracle"):
        pairs = zip(*samples.read(some), strict=True)
        tasks = (delayed(_ious)(image, mask, parameters) for image, mask in pairs)
        total += np.sum(Parallel(n_jobs=workers)(tasks), axis=0)
    return float(LEVELS[total.argmax()])


def _ious(
    image: NDArray[np.float16], truth: NDArray[np.uint8], parameters: BaselineParameters
) -> NDArray[np.float64]:
    """IoU of the target at each of `LEVELS`; 1 where neither mask has a voxel."""
    density, true = smoothed_density(image, parameters.smoothing_sigma_voxels), truth > 0
    masks = np.stack([_component(density, parameters, level)[0] for level in LEVELS])
    union = (masks | true).sum(axis=(1, 2, 3))
    both = (masks & true).sum(axis=(1, 2, 3))
    return np.where(union > 0, both / np.maximum(union, 1), 1.0)
