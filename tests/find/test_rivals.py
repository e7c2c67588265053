"""Scores of the other targets at a candidate."""

import numpy as np
import pytest

from ssn3d.find.rivals import Candidates, best_of_others, compared_with_rivals, relative


def spread(seed, count=200, diameter=8.0):
    rng = np.random.default_rng(seed)
    return Candidates(rng.uniform(0, 100, (count, 3)), rng.random(count), diameter)


def test_rival_is_the_best_of_all_others_near():
    found = {"1KP8": spread(1), "2AWB": spread(2, diameter=16.0), "3DY4": spread(3)}
    for name, rivals in best_of_others(found).items():
        one = found[name]
        for centre, rival in zip(one.centres, rivals, strict=True):
            near = [0.0]
            for other in found.keys() - {name}:
                reach = 0.75 * max(one.diameter_voxels, found[other].diameter_voxels)
                distances = np.linalg.norm(found[other].centres - centre, axis=1)
                near += found[other].scores[distances <= reach].tolist()
            assert rival == pytest.approx(max(near), rel=1e-4)


def test_relative_scores():
    scores = np.random.default_rng(0).normal(size=20_000)
    found = relative(scores)
    assert np.median(found) == pytest.approx(0)
    assert found.std() == pytest.approx(1, rel=0.03)
    np.testing.assert_allclose(relative(5 * scores - 3), found, atol=1e-9)
    assert not relative(np.full(4, 0.3)).any()


def test_no_rivals():
    empty = Candidates(np.empty((0, 3)), np.empty(0), 8.0)
    found = best_of_others({"1KP8": spread(1), "2AWB": empty})
    assert not found["1KP8"].any()
    assert not len(found["2AWB"])
    assert not best_of_others({"1KP8": spread(1)})["1KP8"].any()


def test_comparison_with_rivals_is_the_same_where_all_scores_are_larger():
    """As where noise is weaker, or particles are rarer."""
    found = {"1KP8": spread(1), "2AWB": spread(2)}
    shifted = {name: Candidates(one.centres, one.scores + 1, 8.0) for name, one in found.items()}
    clearer = {name: Candidates(one.centres, 9 * one.scores, 8.0) for name, one in shifted.items()}
    for name, compared in compared_with_rivals(clearer).items():
        near = best_of_others(shifted)[name] > 0
        assert near.sum() > 5
        np.testing.assert_allclose(compared[near], compared_with_rivals(shifted)[name][near])
    alone = compared_with_rivals({"1KP8": clearer["1KP8"]})
    assert not alone["1KP8"].any()
