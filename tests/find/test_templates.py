"""Comparison of candidates with the map of a target."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from own_tomograms import write_tomogram
from ssn3d.find.templates import compare_with_target
from ssn3d.io.tomogram import open_tomogram
from ssn3d.structures.maps import density_map
from ssn3d.structures.structure import structure_from_points

CENTRES_ANGSTROM = np.array([[190.0, 180, 200], [195, 420, 215], [205, 190, 450], [188, 430, 440]])
"""Of target, other, target, other; the first is nearer to the border than the edge of a box."""


def beads(seed):
    """Beads of a random walk, 100 kDa within 70 A of its middle."""
    points = np.cumsum(np.random.default_rng(seed).normal(size=(120, 3)), axis=0)
    points -= points.mean(axis=0)
    points *= 70 / np.linalg.norm(points, axis=1).max()
    return structure_from_points("1AAA", points, np.full(120, 800.0), "surrogate")


def tomogram_of(structures, voxel, path):
    """Tomogram of structures in random orientations at the centres, dark in noise."""
    rng = np.random.default_rng(5)
    shape = tuple((np.array([400, 620, 640]) / voxel).astype(int))
    volume = rng.normal(scale=0.5, size=shape).astype(np.float32)
    for structure, centre in zip(structures, CENTRES_ANGSTROM / voxel, strict=True):
        whole = np.rint(centre).astype(int)
        turned = structure.points_angstrom @ Rotation.random(rng=rng).as_matrix().T
        points = (turned + (centre - whole) * voxel).astype(np.float32)
        density = density_map(points, structure.masses_dalton, voxel, 25.0)
        low = whole - len(density) // 2
        part = tuple(slice(a, a + len(density)) for a in low)
        volume[part] -= 4 * density / density.max()
    write_tomogram(path, volume, voxel)
    return open_tomogram(path, protein="dark")


@pytest.mark.parametrize("voxel", [10.0, 5.0])
def test_targets_are_told_from_others(voxel, tmp_path):
    target, other = beads(1), beads(2)
    tomogram = tomogram_of([target, other, target, other], voxel, tmp_path / "t.mrc")
    guesses = CENTRES_ANGSTROM / voxel + [[10 / voxel, -15 / voxel, 10 / voxel]]
    tilts = (-60.0, 60.0)
    (centres, scores), (same, _) = (
        compare_with_target(
            tomogram, guesses, target, 80.0, 35.0, tilt_range_deg=tilts, threads=threads
        )
        for threads in (2, 1)
    )
    distances = np.linalg.norm(centres * voxel - CENTRES_ANGSTROM, axis=1)
    assert (distances[::2] < 8).all()
    assert scores[::2].min() > scores[1::2].max() + 0.05
    np.testing.assert_array_equal(same, centres)
