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
    return everywhere(scores, correct, int(correct.sum()) + missed)


def everywhere(scores, correct, true):
    """Candidates all at particles, which are as frequent as in the searched tomograms."""
    return Scored(scores, correct, true, np.ones(len(correct), bool), 1.0)


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
    fit = calibrate([everywhere(scores, np.full(9, right), 9)])
    low, high = fit.probability(np.array([[0.0, 0.0, 1.0, 0.0], [2.0, 0.0, 1.0, 0.0]]))
    assert 0 < low <= high < 1
    assert high > 0.8 if right else high < 0.2


def test_no_candidates():
    scored = [everywhere(np.empty((0, 4)), np.empty(0, bool), 3)] * 2
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


def sparse(seed, particles, *, frequency):
    """Candidates at particles, half of them right, and 400 of noise, whose scores are lower."""
    rng = np.random.default_rng(seed)
    right = np.arange(particles + 400) < particles / 2
    at_particle = np.arange(particles + 400) < particles
    scores = rng.normal(size=(len(right), 4)) + 2.0 * right[:, None] * [1, -1, 1, 1]
    return Scored(scores, right, int(right.sum()), at_particle, frequency)


def test_where_particles_are_rarer_more_of_the_candidates_are_noise():
    """Learnt on crowded tomograms, and allowed for, as learnt on sparse ones."""
    crowded = [sparse(seed, 400, frequency=0.05) for seed in range(20)]
    plain = [sparse(seed, 400, frequency=1.0) for seed in range(20)]
    rare = [sparse(100 + seed, 20, frequency=1.0) for seed in range(40)]
    scores = np.concatenate([one.scores for one in rare])
    correct = np.concatenate([one.correct for one in rare])
    shares = {}
    for name, worlds in {"allowed for": crowded, "not": plain}.items():
        chosen = kept(calibrate(worlds).probability(scores), np.zeros(len(scores)), 0.2)
        shares[name] = 1 - correct[chosen].mean()
    assert shares["allowed for"] == pytest.approx(0.2, abs=0.05)
    assert shares["not"] > 0.3


def test_expected_scores_are_those_of_sparser_tomograms():
    crowded = [sparse(seed, 400, frequency=0.05) for seed in range(20)]
    rare = [sparse(100 + seed, 20, frequency=1.0) for seed in range(40)]
    found = []
    for worlds in (crowded, rare):
        probabilities = [calibrate(crowded).probability(one.scores) for one in worlds]
        found.append(
            expected(worlds, probabilities, [np.zeros(len(p)) for p in probabilities], 0.2)
        )
    assert found[0].precision == pytest.approx(found[1].precision, abs=0.06)
    assert found[0].recall == pytest.approx(found[1].recall, abs=0.06)
