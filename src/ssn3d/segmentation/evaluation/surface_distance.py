"""Average symmetric distance between the surfaces of predicted and true masks."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ssn3d.segmentation.evaluation.metrics import surfaces


def surface_distances(predicted: NDArray[Any], truth: NDArray[Any]) -> NDArray[np.float64]:
    """Compute the average symmetric surface distance (n,) of masks (n, s, s, s), in voxels.

    It is the mean over all voxels of both surfaces (`metrics.surfaces`) of the distance to the
    nearest voxel of the other. If one mask alone has a surface, it is the cube's diagonal, the
    longest possible distance; if neither has, 0.
    """
    pairs = zip(surfaces(predicted), surfaces(truth), strict=True)
    return np.array([_distance(one, other) for one, other in pairs], dtype=np.float64)


def _distance(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    """Compute the distance of two surfaces (s, s, s)."""
    if not (one.any() and other.any()):
        return math.dist((0, 0, 0), np.array(one.shape) - 1) if (one | other).any() else 0.0
    (box,) = ndimage.find_objects((one | other).astype(np.uint8))
    one, other = one[box], other[box]
    to_other = ndimage.distance_transform_edt(~other)[one]
    to_one = ndimage.distance_transform_edt(~one)[other]
    return float(np.concatenate([to_other, to_one]).mean())
