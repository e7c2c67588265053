"""Candidates for a target, and targets that cannot be found."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from own_tomograms import spheres
from ssn3d.core.classes import OTHER
from ssn3d.core.errors import ConfigError, DataError
from ssn3d.core.particles import Particles
from ssn3d.find.candidates import are_right, find_target
from ssn3d.find.checks import check_sizes, check_twins, check_voxel_sizes, correlation, twins_of
from ssn3d.find.crowding import macromolecules_per_um3
from ssn3d.io.mrc import write_mrc
from ssn3d.io.tomogram import open_tomogram
from ssn3d.io.volumes import open_volume
from ssn3d.picking.balls import mean_in_balls
from ssn3d.structures.structure import structure_from_points

SHAPE, VOXEL = (40, 48, 64), 10.0
CENTRES = np.array([[12.0, 12, 14], [28, 34, 20], [20, 24, 50]])


def test_candidates_are_compared_with_the_truth():
    centres = np.vstack([CENTRES + 0.4, [[-3, 5, 5]]])  # the last is outside
    ids = np.array(["1AAA", "2BBB", "1AAA", "1AAA"])
    truth = Particles(ids, centres, np.broadcast_to(np.eye(3), (4, 3, 3)))
    found = np.vstack([CENTRES, [[12.0, 13, 14]]])  # the last is at a particle that another has
    correct, true = are_right(found, truth, "1AAA", shape=SHAPE, distance_voxels=3.0)
    assert true == 2
    np.testing.assert_array_equal(correct, [True, False, True, False])


def test_macromolecules_are_counted_in_the_specimen(tmp_path):
    """Three balls, one of them not sure; and a speck that is smaller than a particle."""
    probability = np.zeros(SHAPE, np.float32)
    probability[spheres(SHAPE, CENTRES, 4)] = 0.99
    probability[spheres(SHAPE, CENTRES[:1], 4)] = 0.8
    probability[35, 40, 5] = 1.0
    write_mrc(tmp_path / "probability.mrc", probability, VOXEL)
    volume = open_volume(tmp_path / "probability.mrc")
    um3 = np.prod(SHAPE) * (VOXEL / 1e4) ** 3
    assert macromolecules_per_um3(volume, VOXEL, 1.0) == pytest.approx(2 / um3)
    assert macromolecules_per_um3(volume, VOXEL, 0.5) == pytest.approx(4 / um3)


def test_blobs_beside_gold_are_no_candidates(tmp_path):
    """A ball of gold and two of protein, one of which the network does not see."""
    volume = -3 * spheres(SHAPE, CENTRES, 4).astype(np.float32)
    volume += np.random.default_rng(0).normal(scale=0.2, size=SHAPE).astype(np.float32)
    labels = np.zeros(SHAPE, np.int8)
    labels[spheres(SHAPE, CENTRES[:1], 4)] = OTHER
    volumes = {"tomogram": volume, "labels": labels}
    volumes["probability"] = spheres(SHAPE, CENTRES[1:2], 4).astype(np.float32)
    for name, values in volumes.items():
        write_mrc(tmp_path / f"{name}.mrc", values, VOXEL)
    tomogram = open_tomogram(tmp_path / "tomogram.mrc", protein="dark")
    segmentation = [open_volume(tmp_path / f"{name}.mrc") for name in ("probability", "labels")]
    points = np.random.default_rng(1).normal(scale=16, size=(200, 3))
    target = structure_from_points("1AAA", points, np.full(200, 800.0), "surrogate")

    def candidates():
        return find_target(
            tomogram,
            tuple(segmentation),
            target,
            40.0,
            tilt_range_deg=(-60.0, 60.0),
            is_specimen=tomogram.is_data,
            threads=2,
        )

    centres, _, heights = candidates()
    distances = np.linalg.norm(centres[:, None] - CENTRES, axis=-1).min(axis=0)
    assert distances[0] > 3
    assert (distances[1:] < 2).all()
    at_balls = np.linalg.norm(centres[:, None] - CENTRES[1:], axis=-1).min(axis=1) < 2
    assert heights[at_balls].min() > 2 * heights[~at_balls].max(initial=0)
    write_mrc(tmp_path / "labels.mrc", np.full(SHAPE, OTHER, np.int8), VOXEL)
    segmentation[1] = open_volume(tmp_path / "labels.mrc")
    assert candidates()[0].shape == (0, 3)


def shape_of(seed, pdb_id, turn=None):
    """Beads of a random walk, possibly turned."""
    rng = np.random.default_rng(seed)
    points = np.cumsum(rng.normal(scale=9, size=(120, 3)), axis=0)
    if turn is not None:
        points = points @ Rotation.random(rng=np.random.default_rng(turn)).as_matrix().T
    return structure_from_points(pdb_id, points, np.full(120, 2500.0), "surrogate")


def test_twins_are_found_in_any_orientation():
    one, twin, other = shape_of(1, "1AAA"), shape_of(1, "2BBB", turn=3), shape_of(2, "3CCC")
    assert correlation(one, twin, 30.0) > 0.98
    assert correlation(one, other, 30.0) < 0.9
    check_twins([one, other], 30.0)
    with pytest.raises(ConfigError, match=r"find\.targets: 1AAA and 2BBB cannot be told apart"):
        check_twins([other, one, twin], 30.0)
    larger = structure_from_points("4DDD", 3 * twin.points_angstrom, twin.masses_dalton, "map")
    assert twins_of([one], [twin, other, larger]) == ["2BBB"]
    assert twins_of([], [twin]) == []


@pytest.mark.parametrize(
    ("mass", "snr", "voxel", "message"),
    [
        (5e4, 0.05, 10.0, "50 kDa. would be at most .* above the noise"),
        (5e4, None, 30.0, "too small for voxels of 30 A"),
        (3.2e6, 0.02, 10.0, None),
        (5e4, None, 10.0, None),
    ],
)
def test_targets_too_small(mass, snr, voxel, message):
    if message is None:
        check_sizes({"1KP8": mass}, snr, voxel)
        return
    with pytest.raises(ConfigError, match=rf"find\.targets: 1KP8 .*{message}.*remove 1KP8"):
        check_sizes({"1KP8": mass}, snr, voxel)


def test_voxel_sizes_that_differ():
    check_voxel_sizes({"a": 8.0, "b": 11.0})
    with pytest.raises(DataError, match="a has voxels of 5 A, b of 14 A"):
        check_voxel_sizes({"b": 14.0, "a": 5.0, "c": 10.0})


def test_mean_in_balls(tmp_path):
    values = np.random.default_rng(0).random((20, 24, 28)).astype(np.float32)
    write_mrc(tmp_path / "p.mrc", values, 10.0)
    centres = np.array([[10.0, 12.0, 14.0], [0.0, 1.0, 27.0]])
    distances = [np.linalg.norm(np.indices(values.shape).T - c, axis=-1).T for c in centres]
    found = mean_in_balls(open_volume(tmp_path / "p.mrc"), centres, 7.0)
    np.testing.assert_allclose(found, [values[d <= 3.5].mean() for d in distances], rtol=1e-5)
