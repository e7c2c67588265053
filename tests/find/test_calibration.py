"""Probabilities of candidates: calibration, the cut, and what is to be expected of it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from ssn3d.find.calibration import (
    SCORES,
    Scored,
    calibrate,
    expected,
    kept,
    reliability,
)

TRUE = (12.0, -4.0, 3.0, 2.0)
PROBABILITIES = st.lists(st.floats(0, 1, width=16), max_size=40).map(np.array)


def world(seed, count=400, missed=20):
    """Candidates of scores in [0, 1], right with a probability that is logistic in `TRUE`."""
    rng = np.random.default_rng(seed)
    scores = rng.random((count, 4))
    correct = rng.random(count) < expit(scores @ TRUE - 8)
    return Scored(scores, correct, int(correct.sum()) + missed)


def test_probabilities_are_those_of_the_world():
    fit = calibrate([world(seed) for seed in range(20)])
    scores = np.random.default_rng(99).random((50, 4))
    np.testing.assert_allclose(fit.probability(scores), expit(scores @ TRUE - 8), atol=0.06)
    worlds = [world(seed) for seed in range(20)]
    mean, observed, counts = reliability(
        worlds, [fit.probability(world.scores) for world in worlds]
    )
    np.testing.assert_allclose(mean, observed, atol=0.04)
    assert counts.sum() == 20 * 400


@pytest.mark.parametrize("right", [True, False])
def test_few_candidates_are_not_certain(right):
    scores = np.stack([np.linspace(0.2, 1, 9), np.zeros(9), np.ones(9), np.zeros(9)], axis=1)
    fit = calibrate([Scored(scores, np.full(9, right), 9)])
    low, high = fit.probability(np.array([[0.0, 0.0, 1.0, 0.0], [2.0, 0.0, 1.0, 0.0]]))
    assert 0 < low <= high < 1
    assert high > 0.8 if right else high < 0.2


def test_units_of_scores_do_not_matter():
    """With few candidates, the penalty on the slopes matters, and is the same for all scores."""
    few, units = world(3, count=60), np.array([1000.0, 0.001, 7.0, 1.0])
    other = Scored(few.scores * units, few.correct, few.true)
    np.testing.assert_allclose(
        calibrate([other]).probability(few.scores * units),
        calibrate([few]).probability(few.scores),
        atol=1e-3,
    )


def test_no_candidates():
    scored = [Scored(np.empty((0, 4)), np.empty(0, bool), 3)] * 2
    assert calibrate(scored).probability(np.array([[0.3, 0.0, 0.5, 2.0]])) == pytest.approx(0.5)
    empty = [np.empty(0)] * 2
    found = expected(scored, empty, empty, 0.1)
    assert (found.picks, found.recall) == (0, 0)
    assert np.isnan(found.precision)
    assert not kept(np.empty(0), np.empty(0), 0.1).size


@given(probabilities=PROBABILITIES, rate=st.floats(0.01, 0.9))
def test_cut_keeps_the_rate(probabilities, rate):
    marked = kept(probabilities, np.zeros(len(probabilities)), rate)
    assert marked.shape == probabilities.shape
    if marked.any():
        assert (1 - probabilities[marked]).mean() <= rate + 1e-9
        assert probabilities[marked].min() > probabilities[~marked].max(initial=-1)
    if not marked.all():  # the next best, with all its equals, would break the rate
        following = probabilities >= probabilities[~marked].max()
        assert (1 - probabilities[following]).mean() > rate


@settings(max_examples=30)
@given(seed=st.integers(0, 1000), count=st.integers(1, 60))
def test_each_score_says_what_it_should_or_nothing(seed, count):
    slopes = np.array(calibrate([world(seed, count)]).slopes)
    assert (slopes * [*SCORES.values()] >= 0).all()


def test_picks_of_another_target_take_nothing_of_the_rate():
    """Without the second, where another target is more probable, there is room for the third."""
    probabilities, rivals = np.array([0.99, 0.85, 0.82]), np.array([0.0, 0.9, 0.0])
    np.testing.assert_array_equal(kept(probabilities, 0 * rivals, 0.1), [True, True, False])
    np.testing.assert_array_equal(kept(probabilities, rivals, 0.1), [True, False, True])


def test_expected_precision_is_the_rate():
    worlds = [world(seed, count=2000) for seed in range(6)]
    fit = calibrate(worlds)
    probabilities = [fit.probability(world.scores) for world in worlds]
    without = [np.zeros(2000)] * 6
    found = expected(worlds, probabilities, without, 0.2)
    assert found.precision == pytest.approx(0.8, abs=0.04)
    assert 0.1 < found.recall < 0.9
    assert expected(worlds, probabilities, without, 0.1).recall < found.recall
    assert expected(worlds, probabilities, [np.full(2000, 0.95)] * 6, 0.2).picks < found.picks
