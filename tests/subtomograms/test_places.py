"""Cubes at random places: classes of voxels, and where the cubes lie."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ssn3d.core.classes import CLASSES, FILAMENT, MACROMOLECULE, MEMBRANE, OTHER
from ssn3d.core.standard import standard_scale
from ssn3d.subtomograms.places import choose_corners, classes_of_labels, cut_places

SIZE = 16


@pytest.fixture
def world():
    """Noise with one small object of each class."""
    rng = np.random.default_rng(1)
    classes = np.zeros((40, 48, 56), np.uint8)
    for number in range(1, len(CLASSES)):
        classes[8 * number : 8 * number + 3, 5:8, 40:44] = number
    return rng.normal(size=classes.shape).astype(np.float32) - 2 * (classes > 0), classes


def test_classes_follow_the_kinds():
    kinds = np.array(["fiducial", "sheet", "membrane protein", "actin"])
    labels = np.arange(7, dtype=np.uint16).reshape(1, 1, 7)
    expected = [0, MACROMOLECULE, MACROMOLECULE, OTHER, MEMBRANE, MACROMOLECULE, FILAMENT]
    assert classes_of_labels(labels, 2, kinds).ravel().tolist() == expected


def test_rare_classes_are_seen(world):
    _, classes = world
    corners = choose_corners(classes, SIZE, 300, np.random.default_rng(0))
    cubes = [classes[tuple(slice(c, c + SIZE) for c in corner)] for corner in corners]
    assert {cube.shape for cube in cubes} == {(SIZE,) * 3}
    for number in range(1, len(CLASSES)):
        assert np.mean([(cube == number).any() for cube in cubes]) > 0.1


@settings(max_examples=20, deadline=None)
@given(shape=st.tuples(*[st.integers(SIZE, 30)] * 3), seed=st.integers(0, 99))
def test_corners_lie_inside(shape, seed):
    rng = np.random.default_rng(seed)
    classes = (rng.random(shape) > 0.999).astype(np.uint8)
    corners = choose_corners(classes, SIZE, 40, rng)
    assert (corners >= 0).all()
    assert (corners + SIZE <= np.array(shape)).all()


def test_images_are_standardised_by_the_whole_volume(world):
    volume, classes = world
    corners = np.array([[0, 0, 0], [20, 20, 30]])
    standard = standard_scale(volume)
    for corner, (image, mask) in zip(
        corners, cut_places(volume, classes, corners, SIZE), strict=True
    ):
        there = tuple(slice(c, c + SIZE) for c in corner)
        expected = (volume[there] - standard.middle) / standard.scale
        np.testing.assert_allclose(image, expected, atol=1e-5)
        assert (mask == classes[there]).all()
