"""Which watershed segments are structure: the densest ones, and how many of them.

After Mumford and Shah an image of two classes, constant in each, is the better the smaller its
squared deviations from the classes' means and the smaller the boundary between the classes. Either
the two are weighed against each other, or the choice is left to the curve that they make.
"""

import numpy as np
from numpy.polynomial import Polynomial
from numpy.typing import NDArray


def threshold_segments(
    density: NDArray[np.float64], segments: NDArray[np.int32], boundary_weight: float | None
) -> NDArray[np.bool_]:
    """Call the densest segments structure; how many is a matter of the boundary's weight.

    Args:
        density: (s, s, s), protein positive, of mean 0 and variance 1.
        segments: (s, s, s), numbered from 1; 0 everywhere where there are none.
        boundary_weight: cost of a voxel face of boundary; None for `unsupervised_threshold`.

    Returns:
        (s, s, s), True in structure.
    """
    volumes = np.bincount(segments.ravel())[1:]
    sums = np.bincount(segments.ravel(), weights=density.ravel())[1:]
    if len(volumes) == 0:
        return np.zeros(segments.shape, dtype=np.bool_)
    order = np.argsort(-sums / volumes, kind="stable")
    rank = np.argsort(order, kind="stable")
    ranks = rank[segments - 1]

    # element k: the k densest segments are structure. That all are is left out: it is one class, as
    # when none is
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
    """Choose how many segments are structure from the trade-off itself, without a weight.

    Of all thresholds those are kept that no other beats in both squares and faces (the Pareto
    front); a straight line is fitted to them, faces over squares; the one farthest below it is
    where more boundary begins to buy little. In which units squares and faces are does not matter:
    a fit by least squares scales with either, and the distances down from a line and at a right
    angle to it are in one proportion for all points.

    Both ends are one class, of no boundary. "Nothing" helps to place the line, but is not chosen
    where there is a threshold: whether there is structure is not what is asked here, and some is
    found in noise too. Below the threshold of least squares only ground could be added, up to
    "everything but a void"; such thresholds are left out.

    Args:
        squares: (k,) within-class sums of squares when 0, 1, ... segments are structure.
        faces: (k,) areas of the boundary, in voxel faces; the first is 0.

    Returns:
        How many; 0 where no threshold lowers the squares.
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
        # a face is in the boundary from when its denser side becomes structure until both are
        steps += np.bincount(np.minimum(one, other) + 1, minlength=len(steps))
        steps -= np.bincount(np.maximum(one, other) + 1, minlength=len(steps))
    return np.cumsum(steps)[:-1]
