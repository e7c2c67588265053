"""Crops are at the particles; the draw has the right number, at random."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssn3d.crops import crop, crop_corners, lies_inside
from ssn3d.errors import DataError
from ssn3d.particles import Particles
from ssn3d.seeds import generator
from ssn3d.subtomograms.extract import standardise
from ssn3d.subtomograms.selection import choose

SHAPE = (64, 100, 120)


def particles(count, seed=0, ids=("1AAA", "2BBB")):
    rng = generator(seed, "particles")
    centres = rng.uniform(-20, np.array(SHAPE) + 20, size=(count, 3))
    return Particles(rng.choice(ids, size=count), centres, np.stack([np.eye(3)] * count))


@given(st.integers(0, 2**32), st.sampled_from([8, 16, 24]))
def test_the_centre_is_at_half_the_size(seed, size):
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


def test_draw_is_by_seed_and_exact():
    tables = [particles(900, 1), particles(700, 2)]
    first = choose(tables, 24, SHAPE, 100, generator(0, "d"), balanced=False)
    again = choose(tables, 24, SHAPE, 100, generator(0, "d"), balanced=False)
    assert sum(map(len, first)) == 100
    for rows, same, table in zip(first, again, tables, strict=True):
        np.testing.assert_array_equal(rows, same)
        assert (np.diff(rows) > 0).all()
        assert lies_inside(table.centres[rows], 24, SHAPE).all()


def chosen_shares(tables, count, *, balanced):
    """How often each particle inside is chosen in 400 draws, and its class."""
    draws = 400
    times = [np.zeros(len(table)) for table in tables]
    for seed in range(draws):
        rng = generator(seed, "draws")
        for tally, rows in zip(
            times, choose(tables, 24, SHAPE, count, rng, balanced=balanced), strict=True
        ):
            tally[rows] += 1 / draws
    inside = [lies_inside(table.centres, 24, SHAPE) for table in tables]
    assert not any(tally[~within].any() for tally, within in zip(times, inside, strict=True))
    shares = [tally[within] for tally, within in zip(times, inside, strict=True)]
    classes = [table.pdb_ids[within] for table, within in zip(tables, inside, strict=True)]
    return np.concatenate(shares), np.concatenate(classes)


def test_every_particle_inside_is_as_likely_as_any_other():
    tables = [particles(150, 1), particles(100, 2)]
    shares, _ = chosen_shares(tables, 20, balanced=False)
    expected = 20 / len(shares)
    assert np.abs(shares - expected).max() < 5 * np.sqrt(expected * (1 - expected) / 400)


def test_a_balanced_draw_is_at_random_within_a_class():
    tables = [particles(300, seed, ids=("1AAA",) * 2 + ("2BBB",)) for seed in (1, 2)]
    shares, classes = chosen_shares(tables, 20, balanced=True)
    for name in ("1AAA", "2BBB"):
        of_class = shares[classes == name]
        expected = 10 / len(of_class)
        assert 0.1 < expected < 0.9
        assert np.abs(of_class - expected).max() < 5 * np.sqrt(expected * (1 - expected) / 400)


def test_balanced_draw_takes_rare_classes_whole():
    table = particles(600, 3, ids=("1AAA",) * 9 + ("2BBB",))
    inside = table.pdb_ids[lies_inside(table.centres, 24, SHAPE)]
    rare = int((inside == "2BBB").sum())
    (rows,) = choose([table], 24, SHAPE, 2 * rare, generator(0, "d"), balanced=True)
    assert (table.pdb_ids[rows] == "2BBB").sum() == rare
    (rows,) = choose([table], 24, SHAPE, 10, generator(0, "d"), balanced=True)
    assert (table.pdb_ids[rows] == "2BBB").sum() == 5


def test_too_few_inside_is_an_error_with_both_numbers():
    with pytest.raises(DataError, match=r"subtomograms.count: 500 asked for, \d+ crops"):
        choose([particles(300)], 40, SHAPE, 500, generator(0, "d"), balanced=False)


def test_standardised_images_have_mean_0_and_deviation_1():
    image = generator(0, "i").normal(1e4, 7, size=(16,) * 3).astype(np.float32)
    standard = standardise(image)
    assert abs(standard.mean()) < 1e-3
    assert standard.std() == pytest.approx(1, rel=1e-4)
    assert standard.dtype == np.float32
    with pytest.raises(DataError, match="constant"):
        standardise(np.ones((8, 8, 8), np.float32))


def test_statistics_far_from_zero_are_exact():
    volume = generator(0, "far").normal(1e5, 1, size=(50, 50, 50)).astype(np.float32)
    view = volume[4:44, 5:45, 6:46]  # not contiguous, as crops are
    exact = view.astype(np.float64)
    exact = (exact - exact.mean()) / exact.std()
    np.testing.assert_allclose(standardise(view), exact, rtol=0, atol=1e-6)
