"""Threshold of the baseline: how many of the densest watershed segments are foreground.

After Mumford and Shah, a good division of an image into two constant classes has small squared
deviations from the class means and a small boundary. A weight, or the knee of the curve of one
against the other, trades them off.
"""

import numpy as np
from numpy.polynomial import Polynomial
from numpy.typing import NDArray


def threshold_segments(
    density: NDArray[np.float64], segments: NDArray[np.int32], boundary_weight: float | None
) -> NDArray[np.bool_]:
    """Mark the densest segments as foreground, (s, s, s); the boundary weight determines how many.

    In the density (s, s, s) protein is positive, the mean 0, the variance 1. Segments (s, s, s) are
    numbered from 1; all are 0 if there are none. The weight is the cost of a voxel face of the
    boundary; None for `unsupervised_threshold`.
    """
    volumes = np.bincount(segments.ravel())[1:]
    sums = np.bincount(segments.ravel(), weights=density.ravel())[1:]
    if len(volumes) == 0:
        return np.zeros(segments.shape, dtype=np.bool_)
    order = np.argsort(-sums / volumes, kind="stable")
    rank = np.argsort(order, kind="stable")
    ranks = rank[segments - 1]

    # element k: the k densest segments are foreground; all of them are left out: one class again
    inside = np.concatenate([[0], np.cumsum(volumes[order])[:-1]])
    total = np.concatenate([[0.0], np.cumsum(sums[order])[:-1]])
    between_classes = total**2 / np.maximum(inside, 1) + total**2 / (density.size - inside)
    squares, faces = density.size - between_classes, _boundary_faces(ranks)
    if boundary_weight is None:
        kept = unsupervised_threshold(squares, faces)
    else:
        kept = int(np.argmin(squares + boundary_weight * faces))
    return np.asarray(ranks < kept, dtype=np.bool_)


def unsupervised_threshold(squares: NDArray[np.float64], faces: NDArray[np.int_]) -> int:
    """Choose the number of foreground segments at the knee of the trade-off, without a weight.

    Candidates are the thresholds on the Pareto front of squares and faces. A straight line, faces
    over squares, is fitted to them by least squares; the candidate farthest below it is the knee,
    beyond which more boundary gains little. The units of squares and faces do not matter.

    "No foreground" helps to place the line, but is chosen only without other candidates: noise has
    foreground too. Thresholds below that of the least squares would only add background, and are
    left out. The number is 0 if no threshold lowers the squares.

    Squares (k,) are within-class sums with 0, 1, ... foreground segments, faces (k,) the areas of
    the boundary, in voxel faces; the first is 0.
    """
    candidates = int(np.argmin(squares)) + 1
    if candidates == 1:
        return 0
    order = np.lexsort((faces[:candidates], squares[:candidates]))
    least = np.minimum.accumulate(faces[order])
    front = order[np.concatenate([[True], faces[order][1:] < least[:-1]])]
    line = Polynomial.fit(squares[front], faces[front], 1)
    thresholds = front[front > 0]
    return int(thresholds[np.argmin(faces[thresholds] - line(squares[thresholds]))])


def _boundary_faces(ranks: NDArray[np.int_]) -> NDArray[np.int_]:
    """Count, for k = 0, 1, ..., the voxel faces between ranks below k and the others."""
    steps = np.zeros(ranks.max() + 2, dtype=np.int_)
    for axis in range(ranks.ndim):
        one, other = np.delete(ranks, 0, axis).ravel(), np.delete(ranks, -1, axis).ravel()
        # a face is in the boundary while only its denser side is foreground
        steps += np.bincount(np.minimum(one, other) + 1, minlength=len(steps))
        steps -= np.bincount(np.maximum(one, other) + 1, minlength=len(steps))
    return np.cumsum(steps)[:-1]
