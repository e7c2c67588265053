"""Crops at particles, drawn at random in the right number, and cubes at random places."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from ssn3d.core.background import classes_of_labels
from ssn3d.core.classes import CLASSES, FILAMENT, MACROMOLECULE, MEMBRANE, OTHER
from ssn3d.core.cubes import crop, crop_corners, lies_inside, standardise
from ssn3d.core.errors import DataError
from ssn3d.core.particles import Particles
from ssn3d.core.seeds import generator
from ssn3d.core.standard import standard_scale
from ssn3d.subtomograms.extract import cut
from ssn3d.subtomograms.places import choose_corners, cut_places
from ssn3d.subtomograms.selection import select
from ssn3d.subtomograms.settings import SelectionSettings, SubtomogramsSettings

SHAPE = (64, 100, 120)


def particles(count, seed=0, ids=("1AAA", "2BBB")):
    rng = generator(seed, "particles")
    centres = rng.uniform(-20, np.array(SHAPE) + 20, size=(count, 3))
    return Particles(rng.choice(ids, size=count), centres, np.stack([np.eye(3)] * count))


def draw(table, count, seed=0, *, size=24, balanced=False, tomogram="t1"):
    settings = SelectionSettings(size_voxels=size, count=count, balanced=balanced, target="centred")
    return select(table, SHAPE, settings, seed, tomogram)


@given(st.integers(0, 2**32), st.sampled_from([8, 16, 24]))
def test_centre_is_at_half_size(seed, size):
    centre = generator(seed, "c").uniform(size, np.array(SHAPE) - size, size=(1, 3))
    volume = np.zeros(SHAPE, np.float32)
    volume[tuple(np.rint(centre[0]).astype(int))] = 1
    if lies_inside(centre, size, SHAPE)[0]:
        cube = crop(volume, crop_corners(centre, size)[0], size)
        assert cube.shape == (size,) * 3
        assert cube[size // 2, size // 2, size // 2] == 1
        assert np.shares_memory(cube, volume)


def test_inside_means_every_voxel_is_there():
    size = 40
    centres = np.array([[20, 20, 20], [19.4, 20, 20], [44, 80, 100], [44.6, 80, 100]], float)
    assert lies_inside(centres, size, SHAPE).tolist() == [True, False, True, False]


@given(st.integers(0, 2**32))
def test_cubes_off_their_particles(seed):
    """A cube moves by the error, but stays inside; its mask stays that of the particle."""
    rng = generator(seed, "errors")
    centres = rng.uniform(12, np.array(SHAPE) - 12, size=(1, 3))
    errors = rng.normal(0, 3, size=(1, 3))
    labels = np.zeros(SHAPE, np.uint16)
    at = np.rint(centres[0]).astype(int)
    labels[tuple(at)] = 5
    volume = rng.normal(size=SHAPE).astype(np.float32)
    table = Particles(np.array(["1AAA"]), centres, np.eye(3)[None])
    ((image, mask),) = cut(volume, labels, table, np.array([5]), 24, errors_voxels=errors)
    corner = np.clip(np.rint(centres[0] + errors[0]).astype(int) - 12, 0, np.array(SHAPE) - 24)
    np.testing.assert_array_equal(image, standardise(crop(volume, corner, 24)))
    inside = at - corner
    if ((inside >= 0) & (inside < 24)).all():
        assert np.argwhere(mask).tolist() == [inside.tolist()]
    else:
        assert not mask.any()


def test_selection_is_seeded():
    table = particles(900)
    rows = draw(table, 100)
    assert len(rows) == 100
    assert (np.diff(rows) > 0).all()
    assert lies_inside(table.centres[rows], 24, SHAPE).all()
    np.testing.assert_array_equal(draw(table, 100), rows)
    assert not np.array_equal(draw(table, 100, seed=1), rows)
    assert not np.array_equal(draw(table, 100, tomogram="t2"), rows)


def test_all_are_those_inside():
    table = particles(300)
    inside = np.flatnonzero(lies_inside(table.centres, 24, SHAPE))
    np.testing.assert_array_equal(draw(table, "all"), inside)
    np.testing.assert_array_equal(draw(table, len(inside), balanced=True), inside)


@pytest.mark.parametrize("balanced", [False, True])
def test_selection_is_uniform(balanced):
    """In a balanced draw, any other of its class."""
    table = particles(400, ids=("1AAA",) * 2 + ("2BBB",))
    draws, count = 400, 20
    times = np.zeros(len(table))
    for seed in range(draws):
        times[draw(table, count, seed, balanced=balanced)] += 1 / draws
    inside = lies_inside(table.centres, 24, SHAPE)
    assert not times[~inside].any()
    for name in ("1AAA", "2BBB") if balanced else ("",):
        shares = times[inside & (table.pdb_ids == name if name else True)]
        expected = (count / 2 if name else count) / len(shares)
        assert 0.05 < expected < 0.9
        assert np.abs(shares - expected).max() < 5 * np.sqrt(expected * (1 - expected) / draws)


def test_balanced_selection():
    table = particles(600, 3, ids=("1AAA",) * 9 + ("2BBB",))
    inside = table.pdb_ids[lies_inside(table.centres, 24, SHAPE)]
    rare = int((inside == "2BBB").sum())
    assert (table.pdb_ids[draw(table, 2 * rare, balanced=True)] == "2BBB").sum() == rare
    assert (table.pdb_ids[draw(table, 10, balanced=True)] == "2BBB").sum() == 5


@pytest.mark.parametrize(
    ("tomogram", "key"), [("t1", "count"), ("independent1", "independent_count")]
)
def test_too_few_particles_inside(tomogram, key):
    fault = rf"subtomograms\.{key}: 500 requested, \d+ cubes of 40 voxels lie inside"
    with pytest.raises(DataError, match=fault):
        draw(particles(300), 500, size=40, tomogram=tomogram)


def test_all_of_no_particles():
    """The message neither says that none were asked for, nor advises to ask for all."""
    with pytest.raises(DataError, match=r"count: all requested, 0 cubes .*; ask for more partic"):
        draw(particles(5), "all", size=80)


def test_random_places_need_a_number():
    wanted = {"size_voxels": 24, "count": 5, "balanced": False, "target": "classes"}
    with pytest.raises(ValidationError, match="independent_count: target classes takes random"):
        SubtomogramsSettings(**wanted, independent_count="all")


def test_standardise():
    image = generator(0, "i").normal(1e4, 7, size=(16,) * 3).astype(np.float32)
    standard = standardise(image)
    assert abs(standard.mean()) < 1e-3
    assert standard.std() == pytest.approx(1, rel=1e-4)
    assert standard.dtype == np.float32
    image[0] = np.nan  # no data
    standard = standardise(image)
    assert not standard[0].any()
    assert standard[1:].std() == pytest.approx(1, rel=1e-4)
    table, flat = particles(1), np.ones(SHAPE, np.float32)
    table.centres[:] = 32
    with pytest.raises(DataError, match="constant"):
        next(cut(flat, np.zeros(SHAPE, np.uint16), table, np.array([1]), 8))


def test_standardise_far_from_zero():
    volume = generator(0, "far").normal(1e5, 1, size=(50, 50, 50)).astype(np.float32)
    view = volume[4:44, 5:45, 6:46]  # not contiguous, as crops are
    exact = view.astype(np.float64)
    exact = (exact - exact.mean()) / exact.std()
    np.testing.assert_allclose(standardise(view), exact, rtol=0, atol=1e-6)


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


@settings(max_examples=20)
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
