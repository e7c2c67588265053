"""Scores of picks against true particles, and of a segmentation against the true one."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import min_weight_full_bipartite_matching
from scipy.spatial import cKDTree


@dataclass(frozen=True)
class Matches:
    """Pairs of a pick and a true particle; each is in at most one pair."""

    picks: NDArray[np.int_]
    """(k,) rows."""
    truth: NDArray[np.int_]
    """(k,) rows."""
    distances: NDArray[np.float64]
    """(k,) in the unit of the positions."""


def match(picks: NDArray[np.float64], truth: NDArray[np.float64], distance: float) -> Matches:
    """Pair picks (n, 3) with true positions (m, 3) within a distance.

    The number of pairs is maximal and, among such pairings, the sum of distances minimal.
    """
    count = len(picks)
    if not count or not len(truth):
        none = np.empty(0, dtype=np.int_)
        return Matches(none, none, np.empty(0))
    near = cKDTree(picks).sparse_distance_matrix(cKDTree(truth), distance, output_type="coo_matrix")
    # A pick may stay alone, at a cost above that of all pairs together. One is added to all costs,
    # since a sparse matrix has no zeros.
    alone = 1 + count * (distance + 1)
    costs = coo_array(
        (
            np.append(near.data + 1, np.full(count, alone)),
            np.append([near.row, near.col], [np.arange(count), len(truth) + np.arange(count)], 1),
        ),
        shape=(count, len(truth) + count),
    )
    rows, columns = min_weight_full_bipartite_matching(costs.tocsr())
    paired = columns < len(truth)
    of_picks = np.asarray(rows[paired], dtype=np.int_)
    of_truth = np.asarray(columns[paired], dtype=np.int_)
    distances = np.linalg.norm(picks[of_picks] - truth[of_truth], axis=1)
    return Matches(of_picks, of_truth, distances)


def f_score(precision: float, recall: float, beta: float) -> float:
    """Weighted harmonic mean, in which recall counts `beta` times as much as precision."""
    weighted = beta**2 * precision + recall
    return (1 + beta**2) * precision * recall / weighted if weighted else 0.0


@dataclass(frozen=True)
class PickingScore:
    """Agreement of picks with true particles; errors are nan without a pair."""

    picks: int
    truth: int
    found: int
    """Pairs of a pick and a true particle."""
    precision: float
    recall: float
    f1: float
    f4: float
    """Recall counts four times as much as precision, as in the CZII challenge."""
    mean_error_angstrom: float
    """Distance of a pick from its particle."""
    median_error_angstrom: float
    recall_by_class: dict[str, tuple[float, int]]
    """Recall, and number of true particles."""


def score_picks(
    picks_angstrom: NDArray[np.float64],
    truth_angstrom: NDArray[np.float64],
    classes: NDArray[np.str_],
    distance_angstrom: float,
) -> PickingScore:
    """Score picks (n, 3) against true positions (m, 3) of classes (m,).

    A pick counts if it is within a distance of a particle that no other pick has.
    """
    matches = match(picks_angstrom, truth_angstrom, distance_angstrom)
    pairs = len(matches.picks)
    precision = pairs / len(picks_angstrom) if len(picks_angstrom) else 0.0
    recall = pairs / len(truth_angstrom) if len(truth_angstrom) else 0.0
    found = np.zeros(len(truth_angstrom), dtype=bool)
    found[matches.truth] = True
    by_class = {
        str(name): (float(found[classes == name].mean()), int((classes == name).sum()))
        for name in np.unique(classes)
    }
    return PickingScore(
        picks=len(picks_angstrom),
        truth=len(truth_angstrom),
        found=pairs,
        precision=precision,
        recall=recall,
        f1=f_score(precision, recall, 1),
        f4=f_score(precision, recall, 4),
        mean_error_angstrom=float(matches.distances.mean()) if pairs else np.nan,
        median_error_angstrom=float(np.median(matches.distances)) if pairs else np.nan,
        recall_by_class=by_class,
    )


@dataclass(frozen=True)
class VolumeScore:
    """Agreement of a segmentation with the true one, in voxels."""

    iou: float
    precision: float
    recall: float


def score_voxels(shared: int, predicted: int, true: int) -> VolumeScore:
    """Score by numbers of voxels: in both, in the segmentation, in the truth; nan for 0/0."""
    counts = predicted + true - shared, predicted, true
    return VolumeScore(*(shared / count if count else np.nan for count in counts))
