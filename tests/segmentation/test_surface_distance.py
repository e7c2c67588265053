"""Distances of surfaces, against cases worked out by hand and all pairs of voxels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.spatial.distance import cdist

from ssn3d.segmentation.evaluation.metrics import surfaces
from ssn3d.segmentation.evaluation.surface_distance import surface_distances

MASKS = hnp.arrays(np.uint8, (2, 5, 5, 5), elements=st.integers(0, 1))
DIAGONAL = 4 * np.sqrt(3)


@settings(max_examples=50)
@given(predicted=MASKS, truth=MASKS)
def test_mean_over_both_surfaces(predicted, truth):
    found = surface_distances(predicted, truth)
    assert found == pytest.approx(surface_distances(truth, predicted))
    for one, other, distance in zip(surfaces(predicted), surfaces(truth), found, strict=True):
        if one.any() and other.any():
            apart = cdist(np.argwhere(one), np.argwhere(other))
            nearest = np.concatenate([apart.min(axis=1), apart.min(axis=0)])
            assert distance == pytest.approx(nearest.mean())
        else:
            assert distance == pytest.approx(DIAGONAL * (one.any() or other.any()))


def test_shifted_plane():
    one, other = np.zeros((2, 1, 9, 9, 9), bool)
    one[:, :3], other[:, :5] = True, True
    assert surface_distances(one, other) == pytest.approx(2.0)
    assert surface_distances(one, one) == pytest.approx(0.0)


def test_missing_surfaces():
    empty, ball = np.zeros((2, 1, 5, 5, 5), np.uint8)
    ball[:, 2, 2, 2] = 1
    full = np.ones_like(ball)  # without background there is no surface either
    assert surface_distances(empty, ball) == pytest.approx(DIAGONAL)
    assert surface_distances(ball, full) == pytest.approx(DIAGONAL)
    assert surface_distances(empty, full) == surface_distances(empty, empty) == 0
