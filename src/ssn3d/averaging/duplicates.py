"""Particles that are one and the same, and half sets that share none.

Two rows of a table may be one particle: picked twice, or picked near each other and aligned to the
same place. In different half sets such rows would agree by their common noise.
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
    """Rows (m,), in order, of the particles that have no better-scored one within a distance.

    Args:
        positions: (n, 3).
        scores: (n,), the higher, the better.
        distance: in the unit of the positions.
    """
    order = np.argsort(-scores, kind="stable")
    return np.sort(order[non_max_suppression(positions[order], distance)])


def neighbours(positions: NDArray[np.float64], distance: float) -> NDArray[np.int_]:
    """Pairs (p, 2) of rows of positions (n, 3) that are within a distance of each other."""
    return cKDTree(positions).query_pairs(distance, output_type="ndarray").reshape(-1, 2)


def split(
    positions: NDArray[np.float64], pairs: NDArray[np.int_], rng: np.random.Generator
) -> NDArray[np.int_]:
    """Divide particles into half sets (n,), 1 or 2, with both of each pair in one.

    Particles linked by pairs form groups, and the largest groups are assigned first, each to the
    smaller half set. A group of more than half of the particles is cut at its median along its
    longest axis: near the cut, pairs are then in different half sets.

    Args:
        positions: (n, 3).
        pairs: (p, 2) rows.
        rng: decides the order of groups of one size.
    """
    groups = _groups(len(positions), pairs)
    largest = np.flatnonzero(groups == np.bincount(groups).argmax())
    if len(largest) > (len(positions) + 1) // 2:
        longest = np.ptp(positions[largest], axis=0).argmax()
        far = largest[np.argsort(positions[largest, longest], kind="stable")[len(largest) // 2 :]]
        groups[far] = groups.max() + 1
    sizes = np.bincount(groups)
    shuffled = rng.permutation(len(sizes))
    first, second = rng.permutation([1, 2]).tolist()
    count = {first: 0, second: 0}
    of_group = np.empty(len(sizes), dtype=int)
    for group in shuffled[np.argsort(-sizes[shuffled], kind="stable")]:
        half = first if count[first] <= count[second] else second
        of_group[group] = half
        count[half] += sizes[group]
    return of_group[groups]


def _groups(count: int, pairs: NDArray[np.int_]) -> NDArray[np.int_]:
    """Number (n,) of the group that each of `count` particles belongs to, from 0."""
    links = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    return np.asarray(connected_components(links, directed=False)[1], dtype=int)
