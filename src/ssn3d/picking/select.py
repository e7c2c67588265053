"""Selection of particles among peaks: by a mask, their distance, and a threshold."""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from skimage.filters import threshold_triangle

_BINS = 60
_FEWEST_PEAKS = 20


def inside_mask(centres: NDArray[np.float64], mask: NDArray[np.generic]) -> NDArray[np.bool_]:
    """True (n,) where the voxel nearest to a centre (n, 3) is above 0 in a mask (z, y, x)."""
    voxels = np.clip(np.floor(centres + 0.5).astype(int), 0, np.array(mask.shape) - 1)
    return np.asarray(mask[tuple(voxels.T)] > 0)


def non_max_suppression(centres: NDArray[np.float64], distance: float) -> NDArray[np.bool_]:
    """True (n,) for centres (n, 3), best first, that have no better one within a distance.

    Centres that are dropped suppress no others.
    """
    kept = np.ones(len(centres), dtype=bool)
    pairs = cKDTree(centres.reshape(-1, 3)).query_pairs(distance, output_type="ndarray")
    ordered = np.sort(pairs, axis=1)
    for better, worse in ordered[np.lexsort((ordered[:, 1], ordered[:, 0]))]:
        if kept[better]:
            kept[worse] = False
    return kept


def find_threshold(heights: NDArray[np.float64]) -> float | None:
    """Height above which peaks are particles, estimated from the heights (n,) alone.

    Triangle threshold (Zack et al. 1977, J. Histochem. Cytochem. 25, 741) of the heights' square
    roots: the point of the histogram farthest from the line between its mode and the end of its
    longer tail. Unlike thresholds that weigh two groups, it holds for few particles in much noise.
    The root makes it robust to a few very high peaks, such as gold. None if there are too few peaks
    for a histogram.
    """
    if len(heights) < _FEWEST_PEAKS or heights.min() == heights.max():
        return None
    return float(threshold_triangle(np.sqrt(heights), _BINS)) ** 2  # type: ignore[no-untyped-call]
