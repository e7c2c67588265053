"""Particles of a segmentation: touching ones are split, small ones dropped."""

import numpy as np
import pytest
from balls import reader, scattered, volume_of_balls

from ssn3d.errors import DataError
from ssn3d.picking import segmentation
from ssn3d.picking.pick import Choice, pick_regions
from ssn3d.picking.scoring import match
from ssn3d.picking.segmentation import Values, find_regions, values_of

ANY = Choice(threshold=None, most=None, distance_angstrom=None, mask=None)


def regions(volume, kind="probability", threshold=0.5, smallest=40.0, voxel=10.0):
    return find_regions(
        reader(volume),
        volume.shape,
        voxel,
        threshold=threshold,
        smallest_diameter_angstrom=smallest,
        values=Values(kind),
    )


def meaning(volume):
    return values_of(reader(volume), volume.shape, 10.0, 40.0)


def balls(count=6):
    """Separate balls, each numbered."""
    labels = np.zeros((40, 40, 60), np.uint8)
    for number, place in enumerate(scattered(labels.shape, count, 14, 6), 1):
        labels[volume_of_balls(labels.shape, [place], 4.0) < -0.5] = number
    return labels


@pytest.mark.parametrize("highest", [1, 2, 255])
def test_mask_of_any_value_has_its_components(highest):
    picks = pick_regions(reader(highest * (balls() > 0)), (40, 40, 60), 10.0, 40.0, ANY)
    assert len(picks.scores) == 6
    assert (picks.scores == 1).all()


def test_classes_have_their_components():
    classes = np.array([0, 2, 2, 2, 5, 5, 5])[balls()]
    assert meaning(classes) == Values("classes")
    picks = pick_regions(reader(classes), classes.shape, 10.0, 40.0, ANY)
    assert len(picks.scores) == 6
    assert "each a class" in picks.why
    broken = balls()
    broken[:, :, 30] = 0  # a particle in two parts
    assert meaning(broken) == Values("labels")


@pytest.mark.parametrize("voxel", [10.0, 5.0])
def test_touching_balls_are_two_and_a_rod_is_one(voxel):
    scale = 10 / voxel
    shape = tuple(int(n * scale) for n in (40, 40, 80))
    radius = 6 * scale
    pair = np.array([[20, 20, 15], [20, 20, 26]]) * scale  # they overlap by a voxel
    volume = -volume_of_balls(shape, pair, radius).clip(-1, 0)
    rod = np.array([[20, 20, x] for x in np.arange(48, 62)]) * scale
    volume = np.maximum(volume, -volume_of_balls(shape, rod, 4 * scale).clip(-1, 0))
    found = regions(volume, voxel=voxel)
    assert len(found.scores) == 3
    expected = np.vstack([pair, rod.mean(axis=0)])
    assert match(found.centres, expected, 1.0 * scale).picks.size == 3


def test_blocks_change_nothing(monkeypatch):
    shape = (45, 50, 60)
    volume = -volume_of_balls(shape, scattered(shape, 30, 11.0, 7), 6.0).clip(-1, 0)
    whole = regions(volume)
    monkeypatch.setattr(segmentation, "_CORE_VOXELS", 26)
    blocks = regions(volume)
    assert len(whole.scores) >= 27
    assert len(blocks.scores) == len(whole.scores)
    found = match(blocks.centres, whole.centres, 1e-6)
    assert len(found.picks) == len(whole.scores)
    np.testing.assert_allclose(
        blocks.volumes_angstrom3[found.picks], whole.volumes_angstrom3[found.truth]
    )


def test_scores_are_mean_probabilities_and_small_regions_are_dropped():
    volume = np.zeros((40, 40, 40))
    volume[5:15, 5:15, 5:15] = 0.6
    volume[20:30, 20:30, 20:30] = 0.9
    volume[35, 35, 35] = 1.0
    found = regions(volume)
    np.testing.assert_allclose(found.scores, [0.9, 0.6], rtol=1e-6)
    np.testing.assert_allclose(found.centres, [[24.5] * 3, [9.5] * 3])
    np.testing.assert_allclose(found.volumes_angstrom3, [1e6, 1e6])
    assert len(regions(volume, threshold=0.7).scores) == 1
    assert len(regions(volume, smallest=10.0).scores) == 3


def test_each_label_is_a_particle_even_where_they_touch():
    labels = np.zeros((40, 40, 40), dtype=np.uint16)
    labels[10:20, 10:20, 10:20] = 7
    labels[10:20, 10:20, 20:30] = 300
    labels[30:32, 30:31, 30:31] = 8
    assert meaning(labels) == Values("labels")
    found = regions(labels, kind="labels")
    np.testing.assert_allclose(found.centres, [[14.5, 14.5, 14.5], [14.5, 14.5, 24.5]])
    assert found.scores.tolist() == [1, 1]


def test_a_region_widest_at_the_border_has_its_centre_outside():
    alone = -volume_of_balls((40, 40, 40), [(3, 20, 20)], 6.0).clip(-1, 0)
    outside = -volume_of_balls((40, 40, 40), [(-2, 20, 20), (20, 42, 20)], 6.0).clip(-1, 0)
    assert len(regions(alone).scores) == 1
    assert len(regions(outside).scores) == 0


@pytest.mark.parametrize(("lowest", "highest"), [(-0.5, 0.5), (0.0, 1.5), (0.0, np.nan)])
def test_a_tomogram_is_no_segmentation(lowest, highest):
    volume = np.linspace(lowest, highest, 1000).reshape(10, 10, 10)
    with pytest.raises(DataError, match=r"neither probabilities|NaN"):
        meaning(volume)


def test_an_empty_result_says_what_to_do():
    picks = pick_regions(reader(np.zeros((20, 20, 20))), (20, 20, 20), 10.0, 40.0, ANY)
    assert not len(picks.scores)
    assert picks.why.startswith("0 regions of probability 0.5 (more likely structure than not)")
    assert "try a lower --threshold" in picks.why
