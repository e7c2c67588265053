"""Scores: the best one-to-one pairs, precision, recall, F1, F4, and IoU."""

from itertools import permutations

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from ssn3d.picking.scoring import f_score, match, score_picks, score_voxels

PLACE = st.tuples(*[st.floats(0, 6)] * 3)


def best_by_trial(picks, truth, distance):
    """Give the most pairs, and their least sum of distances, of all ways to pair."""
    best = (0, 0.0)
    more = max(len(picks), len(truth))
    for order in permutations(range(more), len(picks)):
        lengths = [
            np.linalg.norm(picks[i] - truth[j]) for i, j in enumerate(order) if j < len(truth)
        ]
        near = [length for length in lengths if length <= distance]
        best = min(best, (-len(near), sum(near)))
    return -best[0], best[1]


@hypothesis.settings(max_examples=60)
@hypothesis.given(st.lists(PLACE, min_size=1, max_size=5), st.lists(PLACE, min_size=1, max_size=5))
def test_matching_is_optimal(picks, truth):
    picks, truth = np.array(picks), np.array(truth)
    matches = match(picks, truth, 2.5)
    pairs, length = best_by_trial(picks, truth, 2.5)
    assert len(matches.picks) == pairs
    assert matches.distances.sum() == pytest.approx(length, abs=1e-6)
    assert len(set(matches.picks)) == len(set(matches.truth)) == pairs


def test_pick_counts_once():
    truth = np.array([[0.0, 0, 0], [100, 0, 0], [200, 0, 0], [300, 0, 0]])
    picks = np.array([[0.0, 0, 10], [0, 0, -12], [100, 60, 0], [200, 61, 0]])
    score = score_picks(picks, truth, np.array(list("aabb")), 60.0)
    assert (score.picks, score.truth, score.found) == (4, 4, 2)
    assert (score.precision, score.recall, score.f1, score.f4) == (0.5, 0.5, 0.5, 0.5)
    assert score.mean_error_angstrom == pytest.approx(35)
    assert score.recall_by_class == {"a": (1.0, 2), "b": (0.0, 2)}


def test_f4_weights_recall():
    assert f_score(0.5, 1.0, 4) == pytest.approx(17 * 0.5 / (16 * 0.5 + 1))
    assert f_score(0.5, 1.0, 4) > f_score(1.0, 0.5, 4)
    assert f_score(0.5, 1.0, 1) == f_score(1.0, 0.5, 1) == pytest.approx(2 / 3)
    assert f_score(0.0, 0.0, 1) == 0


@pytest.mark.parametrize(("picks", "truth"), [(0, 3), (3, 0), (0, 0)])
def test_score_without_particles(picks, truth):
    score = score_picks(np.zeros((picks, 3)), np.zeros((truth, 3)), np.full(truth, "a"), 1.0)
    assert (score.found, score.f1, score.f4) == (0, 0, 0)
    assert np.isnan(score.mean_error_angstrom)


def test_iou_of_volumes():
    score = score_voxels(shared=6, predicted=8, true=10)
    assert (score.iou, score.precision, score.recall) == (0.5, 0.75, 0.6)
    assert np.isnan(score_voxels(0, 0, 0).iou)
