"""All spheres placed, no overlap, uniform; relaxation if dense; an error if impossible."""

import numpy as np
import pytest
import scipy.stats
from scipy.spatial import cKDTree

from ssn3d.core.errors import PlacementError
from ssn3d.core.seeds import generator
from ssn3d.specimen.free_space import FreeSpace
from ssn3d.specimen.placement import _relax, place_spheres

RADII = (3.0, 5.0, 7.0, 9.0, 12.0)


def packing(count, fraction, seed=0):
    """Radii (count,) in random order, and a box (3,) that they fill to a fraction."""
    radii = generator(seed, "radii").choice(RADII, size=count)
    edge = (4 / 3 * np.pi * np.sum(radii**3) / fraction) ** (1 / 3)
    return radii, np.array([0.5 * edge, edge, 2 * edge])


def assert_no_overlap(centres, radii):
    """Check the distances of all pairs within reach."""
    pairs = cKDTree(centres).query_pairs(2 * radii.max(), output_type="ndarray")
    distances = np.linalg.norm(centres[pairs[:, 0]] - centres[pairs[:, 1]], axis=1)
    assert (distances >= radii[pairs].sum(axis=1) - 1e-9).all()


@pytest.mark.parametrize("fraction", [0.02, 0.17, 0.35, 0.45])
def test_places_all_without_overlap(fraction):
    radii, box = packing(1500, fraction)
    centres = place_spheres(radii, box, generator(0, "place"), FreeSpace(None))
    assert centres.shape == (1500, 3)
    assert ((centres >= 0) & (centres <= box)).all()
    assert_no_overlap(centres, radii)


def test_dilute_centres_are_uniform(monkeypatch):
    monkeypatch.setattr("ssn3d.specimen.placement._relax", None)  # all are inserted
    radii, box = packing(4000, 0.1)
    centres = place_spheres(radii, box, generator(3, "place"), FreeSpace(None))
    assert (centres.min(axis=0) < 0.5).all()
    assert (centres.max(axis=0) > box - 0.5).all()
    for chosen in (radii <= 5, radii >= 9):
        for axis in range(3):
            uniform = scipy.stats.uniform(scale=box[axis])
            assert scipy.stats.kstest(centres[chosen, axis], uniform.cdf).pvalue > 1e-3


def test_dilute_spheres_are_independent():
    """In a dilute box, as many pairs are near as for independent places."""
    radii, box = packing(2000, 0.03)
    box = np.full(3, np.prod(box) ** (1 / 3))
    centres = place_spheres(radii, box, generator(0, "place"), FreeSpace(None))
    touching = radii[:, None] + radii
    apart = centres[:, None] - centres
    distances = np.linalg.norm(apart, axis=-1)
    near = np.triu((distances < 1.3 * touching), k=1)
    shells = np.triu(4 / 3 * np.pi * (1.3**3 - 1) * touching**3, k=1)
    assert near.sum() == pytest.approx(shells.sum() / np.prod(box), rel=0.15)
    squares = (apart[near] / distances[near][:, None]) ** 2
    np.testing.assert_allclose(squares.mean(axis=0), 1 / 3, atol=0.06)  # in any direction


def test_relaxation_pushes_pairs_apart(monkeypatch):
    monkeypatch.setattr("ssn3d.specimen.placement._SWEEPS", 2)  # a push, and a look
    box, radii = np.full(3, 20.0), np.array([2.0, 3.0])
    rest = radii, box, generator(0, "relax"), FreeSpace(None)
    apart, _ = _relax(np.array([[10.0, 10, 8], [10, 13, 12]]), *rest)
    np.testing.assert_array_equal(apart, [[10, 10, 8], [10, 13, 12]])  # they touch
    apart, _ = _relax(np.array([[10.0, 10, 8], [10, 12.4, 11.2]]), *rest)  # 4 apart
    np.testing.assert_allclose(apart, [[10, 9.7, 7.6], [10, 12.7, 11.6]], atol=1e-4)
    apart, _ = _relax(np.full((2, 3), 10.0), *rest)
    assert np.linalg.norm(apart[0] - apart[1]) == pytest.approx(5, abs=1e-4)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_wall_pushes_spheres(axis):
    box, radii = np.array([20.0, 30.0, 40.0]), np.array([2.0, 3.0])
    for wall, towards in ((0, 1), (box[axis], -1)):
        centres = np.full((2, 3), 10.0)
        centres[:, axis] = wall + towards * np.array([0.5, 3.5])
        apart, free = _relax(centres, radii, box, generator(0, "relax"), FreeSpace(None))
        assert free.all()
        np.testing.assert_allclose(towards * (apart[:, axis] - wall), [0, 5], atol=1e-4)


@pytest.mark.parametrize("fraction", [0.75, 1.5])
def test_impossible_packing(fraction, monkeypatch):
    monkeypatch.setattr("ssn3d.specimen.placement._SWEEPS", 50)
    radii, box = packing(300, fraction)
    with pytest.raises(PlacementError, match=r"300 spheres.*\d%.*fewer particles"):
        place_spheres(radii, box, generator(0, "place"), FreeSpace(None))


def test_as_many_spheres_as_fit(monkeypatch):
    """Of too many spheres those are kept that overlap with no other, placed or not."""
    monkeypatch.setattr("ssn3d.specimen.placement._SWEEPS", 50)
    radii, box = packing(300, 0.75)
    rng = generator(0, "place")
    centres = place_spheres(radii, box, rng, FreeSpace(None), as_many_as_fit=True)
    placed = np.isfinite(centres).all(axis=1)
    assert 0 < placed.sum() < 300
    apart = np.linalg.norm(centres[placed][:, None] - centres[placed], axis=-1)
    touching = radii[placed][:, None] + radii[placed]
    assert (apart + 1e9 * np.eye(placed.sum()) >= touching).all()


def test_free_space_tells_and_leaves_what_obstacles_take():
    """Against all pairs of spheres and obstacles, of radii from 0.7 to 20."""
    random = generator(0, "free")
    free_space = FreeSpace(None)
    assert free_space.is_free(np.zeros((1, 3)), 9.0)
    blocked = [(random.uniform(0, 100, (n, 3)), r) for n, r in ((40, 0.7), (9, 4.0), (2, 20.0))]
    for centres, radius in blocked:
        free_space.block(centres, radius)
    obstacles = np.concatenate([centres for centres, _ in blocked])
    others = np.concatenate([np.full(len(centres), radius) for centres, radius in blocked])
    centres, radii = random.uniform(0, 100, (300, 3)), random.uniform(1, 8, 300)
    distances = np.linalg.norm(centres[:, None] - obstacles, axis=-1)
    depths = radii[:, None] + others - distances
    is_free = [free_space.is_free(c[None], r) for c, r in zip(centres, radii, strict=True)]
    np.testing.assert_array_equal(is_free, (depths <= 0).all(axis=1))
    assert 0.2 < np.mean(is_free) < 0.9
    shift = free_space.push(centres, radii)
    np.testing.assert_array_equal(shift.any(axis=1), ~np.array(is_free))
    np.testing.assert_allclose(
        np.linalg.norm(shift, axis=1), np.maximum(depths.max(axis=1), 0), atol=1e-5
    )
