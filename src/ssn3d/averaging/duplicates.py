"""Duplicate particles, and half sets without common particles.

Two rows of a table may be the same particle, picked twice or aligned to the same position. In
different half sets such rows would agree by their common noise.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from ssn3d.picking.select import non_max_suppression


def distinct(
    positions: NDArray[np.float64], scores: NDArray[np.float64], distance: float
) -> NDArray[np.int_]:
    """Rows (m,), in order, of particles without a better-scored one within a distance.

    `positions` (n, 3) and `distance` are in one unit; of `scores` (n,), higher is better.
    """
    order = np.argsort(-scores, kind="stable")
    return np.sort(order[non_max_suppression(positions[order], distance)])


def neighbours(positions: NDArray[np.float64], distance: float) -> NDArray[np.int_]:
    """Pairs (p, 2) of rows of positions (n, 3) that are within a distance of each other."""
    return cKDTree(positions).query_pairs(distance, output_type="ndarray").reshape(-1, 2)


def split(
    positions: NDArray[np.float64], pairs: NDArray[np.int_], rng: np.random.Generator
) -> NDArray[np.int_]:
    """Divide particles at positions (n, 3) into half sets (n,), 1 or 2, without splitting pairs.

    Particles linked by pairs (p, 2) of rows form groups. The largest groups are assigned first,
    groups of one size in random order, each to the smaller half set. A group of more than half of
    the particles is cut at its median along its longest axis, which splits pairs near the cut.
    """
    count = len(positions)
    links = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    groups = np.asarray(connected_components(links, directed=False)[1], dtype=int)
    largest = np.flatnonzero(groups == np.bincount(groups).argmax())
    if len(largest) > (count + 1) // 2:
        longest = np.ptp(positions[largest], axis=0).argmax()
        far = largest[np.argsort(positions[largest, longest], kind="stable")[len(largest) // 2 :]]
        groups[far] = groups.max() + 1
    sizes = np.bincount(groups)
    shuffled = rng.permutation(len(sizes))
    first, second = rng.permutation([1, 2]).tolist()
    filled = {first: 0, second: 0}
    half_of: NDArray[np.int_] = np.empty(len(sizes), dtype=int)
    for group in shuffled[np.argsort(-sizes[shuffled], kind="stable")]:
        half = first if filled[first] <= filled[second] else second
        half_of[group] = half
        filled[half] += sizes[group]
    return np.asarray(half_of[groups])
