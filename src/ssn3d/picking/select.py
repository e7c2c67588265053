"""Which peaks are particles: inside a mask, apart from each other, above a threshold."""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from skimage.filters import threshold_triangle

_BINS = 60
_FEWEST_PEAKS = 20


def inside_mask(centres: NDArray[np.float64], mask: NDArray[np.generic]) -> NDArray[np.bool_]:
    """Whether the voxels nearest to centres (n, 3) are above 0 in a mask (z, y, x), (n,)."""
    last = np.array(mask.shape) - 1
    voxels = np.clip(np.floor(centres + 0.5).astype(int), 0, last)
    return np.array([mask[z, y, x] > 0 for z, y, x in voxels], dtype=bool)  # mask may be mapped


def non_max_suppression(centres: NDArray[np.float64], distance: float) -> NDArray[np.bool_]:
    """Which of centres (n, 3), best first, have none better within a distance, (n,).

    One that is dropped drops no others.
    """
    kept = np.ones(len(centres), dtype=bool)
    pairs = cKDTree(centres.reshape(-1, 3)).query_pairs(distance, output_type="ndarray")
    ordered = np.sort(pairs, axis=1)
    for better, worse in ordered[np.lexsort((ordered[:, 1], ordered[:, 0]))]:
        if kept[better]:
            kept[worse] = False
    return kept


def find_threshold(heights: NDArray[np.float64]) -> float | None:
    """Height above which peaks are particles, found from the heights (n,) alone.

    The histogram of the heights' square roots has a mountain of noise and a long tail, or a second
    mountain, of particles: the threshold is where it bends, the point farthest from the line
    between its top and the end of its longer tail (Zack et al. 1977, J. Histochem. Cytochem. 25,
    741). Unlike thresholds that weigh two groups, it holds for few particles in much noise. The
    root makes it robust to single very high peaks, such as gold. None where there are too few
    peaks for a histogram.
    """
    if len(heights) < _FEWEST_PEAKS or heights.min() == heights.max():
        return None
    root: float = threshold_triangle(np.sqrt(heights), _BINS)  # type: ignore[no-untyped-call]
    return float(root) ** 2
