"""Point groups about RELION's axes, and angular errors of symmetric particles."""

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from ssn3d.averaging.symmetry import angular_error_deg, symmetry_rotations
from ssn3d.core.errors import DataError
from ssn3d.core.seeds import generator

GROUPS = st.sampled_from(["C1", "C2", "C7", "D2", "D7"])
SEEDS = st.integers(0, 10_000)


def random_rotations(seed, count):
    return Rotation.random(count, rng=generator(seed, "symmetry")).as_matrix()


@pytest.mark.parametrize(
    ("name", "order"), [("C1", 1), ("C2", 2), ("c4", 4), ("D2", 4), ("D7", 14)]
)
def test_group_is_closed(name, order):
    group = symmetry_rotations(name)
    assert len(group) == order
    products = (group[:, None] @ group).reshape(-1, 3, 3)
    same = np.isclose(products[:, None], group, atol=1e-9).all(axis=(2, 3))
    assert (same.sum(axis=1) == 1).all()


def test_axes_match_relion():
    z, x = np.eye(3)[0], np.eye(3)[2]  # in z, y, x
    np.testing.assert_allclose(symmetry_rotations("C7") @ z, np.tile(z, (7, 1)), atol=1e-12)
    keeps_x = np.isclose(symmetry_rotations("D7") @ x, x, atol=1e-9).all(axis=1)
    assert keeps_x.sum() == 2


@hypothesis.settings(max_examples=25)
@hypothesis.given(GROUPS, SEEDS, st.floats(0, 12))
def test_small_turn_is_error(name, seed, turn_deg):
    """12 degrees are less than half of the angle between any two elements of these groups."""
    true = random_rotations(seed, 4)
    group = symmetry_rotations(name)
    element = group[seed % len(group)]
    axis = random_rotations(seed + 1, 1)[0][0]
    turn = Rotation.from_rotvec(np.deg2rad(turn_deg) * axis).as_matrix()
    for found in (turn @ true @ element, true @ element @ turn):
        np.testing.assert_allclose(angular_error_deg(true, found, name), turn_deg, atol=1e-5)


@hypothesis.settings(max_examples=25)
@hypothesis.given(GROUPS, SEEDS)
def test_error_is_metric(name, seed):
    true, found, turn = (random_rotations(seed + i, 6) for i in (0, 20_000, 40_000))
    error = angular_error_deg(true, found, name)
    np.testing.assert_allclose(error, angular_error_deg(found, true, name), atol=1e-5)
    np.testing.assert_allclose(error, angular_error_deg(turn @ true, turn @ found, name), atol=1e-5)
    assert (error <= angular_error_deg(true, found) + 1e-9).all()
    assert (error <= 180).all()


@pytest.mark.parametrize("name", ["", "T", "C0", "D-7", "I1", "C100"])
def test_unknown_groups(name):
    with pytest.raises(DataError, match="give C1, Cn or Dn"):
        symmetry_rotations(name)
