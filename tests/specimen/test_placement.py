"""Exactly the count, no overlap, uniform; denser worlds by relaxation; an error beyond."""

import numpy as np
import pytest
import scipy.stats
from scipy.spatial import cKDTree

from ssn3d.errors import PlacementError
from ssn3d.seeds import generator
from ssn3d.specimen.placement import occupied_fraction, place_spheres

RADII = (3.0, 5.0, 7.0, 9.0, 12.0)


def packing(count, fraction, seed=0):
    """Radii (count,) in random order, and a box (3,) that they fill to a fraction."""
    radii = generator(seed, "radii").choice(RADII, size=count)
    edge = (4 / 3 * np.pi * np.sum(radii**3) / fraction) ** (1 / 3)
    return radii, np.array([0.5 * edge, edge, 2 * edge])


def assert_no_overlap(centres, radii):
    """Compare all pairs within reach with the sum of their radii, by a k-d tree."""
    pairs = cKDTree(centres).query_pairs(2 * radii.max(), output_type="ndarray")
    distances = np.linalg.norm(centres[pairs[:, 0]] - centres[pairs[:, 1]], axis=1)
    assert (distances >= radii[pairs].sum(axis=1) - 1e-9).all()


@pytest.mark.parametrize("fraction", [0.02, 0.17, 0.35, 0.45])
def test_places_all_without_overlap(fraction):
    radii, box = packing(1500, fraction)
    centres = place_spheres(radii, box, generator(0, "place"))
    assert centres.shape == (1500, 3)
    assert ((centres >= 0) & (centres <= box)).all()
    assert_no_overlap(centres, radii)


def test_dilute_centres_are_uniform_for_small_and_large_alike():
    radii, box = packing(4000, 0.1)
    centres = place_spheres(radii, box, generator(3, "place"))
    for chosen in (radii <= 5, radii >= 9):
        for axis in range(3):
            uniform = scipy.stats.uniform(scale=box[axis])
            assert scipy.stats.kstest(centres[chosen, axis], uniform.cdf).pvalue > 1e-3


def test_same_seed_same_places():
    radii, box = packing(300, 0.2)
    first, again, other = (place_spheres(radii, box, generator(s, "p")) for s in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("fraction", [0.75, 1.5])
def test_impossible_packing_says_how_far_it_came(fraction, monkeypatch):
    monkeypatch.setattr("ssn3d.specimen.placement._SWEEPS", 50)
    radii, box = packing(300, fraction)
    with pytest.raises(PlacementError, match=r"300 spheres.*\d%.*fewer particles"):
        place_spheres(radii, box, generator(0, "place"))


def test_occupied_fraction_of_one_sphere():
    fraction = occupied_fraction(np.array([1.0]), np.array([2.0, 2.0, 2.0]))
    assert fraction == pytest.approx(np.pi / 6)
