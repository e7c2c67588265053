"""Scores of the other targets at a candidate."""

import numpy as np
import pytest

from ssn3d.find.rivals import Candidates, rivals_of


def spread(seed, count=200, diameter=8.0):
    rng = np.random.default_rng(seed)
    return Candidates(rng.uniform(0, 100, (count, 3)), rng.random(count), diameter)


def test_rival_is_the_best_of_all_others_near():
    found = {"1KP8": spread(1), "2AWB": spread(2, diameter=16.0), "3DY4": spread(3)}
    relative = {
        name: (one.scores - np.median(one.scores))
        / (1.4826 * np.median(np.abs(one.scores - np.median(one.scores))))
        for name, one in found.items()
    }
    for name, rivals in rivals_of(found).items():
        one = found[name]
        for centre, rival in zip(one.centres, rivals, strict=True):
            near = [0.0]
            for other in found.keys() - {name}:
                reach = 0.75 * max(one.diameter_voxels, found[other].diameter_voxels)
                distances = np.linalg.norm(found[other].centres - centre, axis=1)
                near += relative[other][distances <= reach].tolist()
            assert rival == pytest.approx(max(near), rel=1e-4)


def test_rivals_do_not_depend_on_the_scale_of_scores():
    found = {"1KP8": spread(1), "2AWB": spread(2)}
    scaled = found["2AWB"]
    scaled = Candidates(scaled.centres, 5 * scaled.scores - 3, scaled.diameter_voxels)
    np.testing.assert_allclose(
        rivals_of(found)["1KP8"], rivals_of(found | {"2AWB": scaled})["1KP8"], atol=1e-12
    )


def test_no_rivals():
    empty = Candidates(np.empty((0, 3)), np.empty(0), 8.0)
    found = rivals_of({"1KP8": spread(1), "2AWB": empty})
    assert not found["1KP8"].any()
    assert not len(found["2AWB"])
    assert not rivals_of({"1KP8": spread(1)})["1KP8"].any()
