"""Particles of a segmentation: touching ones are split, small ones dropped."""

from unittest import mock

import hypothesis
import numpy as np
import pytest
from balls import reader, scattered, volume_of_balls
from hypothesis import strategies as st
from scipy import ndimage
from scipy.spatial import cKDTree

from ssn3d.core.errors import DataError
from ssn3d.core.seeds import generator
from ssn3d.picking import segmentation
from ssn3d.picking.components import find_components
from ssn3d.picking.pick import Choice, pick_regions, pick_sized
from ssn3d.picking.scoring import match
from ssn3d.picking.segmentation import Values, find_regions, values_of

ANY = Choice()


def regions(volume, kind="probability", threshold=0.5, smallest=40.0, voxel=10.0, **options):
    return find_regions(
        reader(volume),
        volume.shape,
        voxel,
        threshold=threshold,
        smallest_diameter_angstrom=smallest,
        values=Values(kind),
        **options,
    )


def meaning(volume):
    return values_of(reader(volume), volume.shape, 10.0, 40.0)


def balls(count=6):
    """Separate balls, each numbered."""
    labels = np.zeros((40, 40, 60), np.uint8)
    for number, place in enumerate(scattered(labels.shape, count, 14, 6), 1):
        labels[volume_of_balls(labels.shape, [place], 4.0) < -0.5] = number
    return labels


def test_classes_are_split():
    classes = np.array([0, 2, 2, 2, 5, 5, 5])[balls()]
    assert meaning(classes) == Values("classes", (2.0, 5.0))
    picks = pick_regions(reader(classes), classes.shape, 10.0, (40.0, np.inf), ANY)
    assert len(picks.scores) == 6
    assert "each a class" in picks.why
    broken = balls()
    broken[:, :, 30] = 0  # a particle in two parts
    assert meaning(broken) == Values("labels")


@pytest.mark.parametrize("voxel", [10.0, 5.0])
def test_split_of_touching_balls(voxel):
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


def digest(found):
    return [array.tobytes().hex() for array in vars(found).values()]


@hypothesis.settings(max_examples=25, deadline=None)
@hypothesis.given(
    st.lists(st.tuples(*[st.floats(-2, 25)] * 3, st.floats(1, 9)), max_size=8),
    st.integers(1, 6),
    st.sampled_from(["probability", "mask", "labels"]),
)
def test_slabs_change_nothing(balls, planes, kind):
    volume = np.zeros((24, 20, 22), dtype=np.float32)
    for number, (*centre, radius) in enumerate(balls, 1):
        ball = -volume_of_balls(volume.shape, [centre], radius)
        if kind == "probability":
            volume = np.maximum(volume, ball.clip(0, 1) * (0.6 + 0.05 * number))
        else:
            volume[ball >= 0.5] = number if kind == "labels" else 255
    whole = regions(volume, kind, smallest=20.0)
    with mock.patch.object(segmentation, "_SLAB_VOXELS", planes * 20 * 22):
        assert digest(regions(volume, kind, smallest=20.0)) == digest(whole)
    if kind == "labels":
        numbers = [n for n in np.unique(volume) if n > 0 and (volume == n).sum() >= 4.2]
        centres = np.array(ndimage.center_of_mass(volume > 0, volume, numbers)).reshape(-1, 3)
        inside = cKDTree(centres).query(whole.centres)[0] if len(whole.scores) else np.zeros(0)
        assert (inside < 1e-9).all()
        assert len(np.unique(whole.centres, axis=0)) == len(whole.scores) <= len(numbers)


@hypothesis.settings(max_examples=25, deadline=None)
@hypothesis.given(st.integers(0, 99), st.integers(1, 5), st.floats(0.2, 0.5))
def test_components_match_scipy(seed, planes, filled):
    mask = generator(seed, "mask").random((10, 9, 8)) < filled
    found = find_components(
        lambda box: mask[box], mask.shape, slab_voxels=planes * 72, smallest_voxels=3
    )
    labels, _ = ndimage.label(mask)
    boxes = ndimage.find_objects(labels)
    large = [n for n, size in enumerate(np.bincount(labels.ravel())) if n and size >= 3]
    assert [c.box for c in found] == sorted(
        (boxes[n - 1] for n in large), key=lambda box: [part.start for part in box]
    )
    together = np.zeros(mask.shape, dtype=int)
    for component in found:
        together[component.box] += component.of(mask[component.box])
    np.testing.assert_array_equal(together, np.isin(labels, large))


@pytest.mark.parametrize("kind", ["mask", "labels"])
def test_large_particle_is_one_pick(kind, monkeypatch):
    """A ball of 360 angstrom radius in voxels of 4, in several slabs."""
    shape, centre = (204, 190, 196), (97.3, 95.1, 96.6)
    ball = -volume_of_balls(shape, [centre], 90.0)
    volume = (ball >= 0.5).astype(np.uint8)
    if kind == "labels":
        volume[:3, :3, :3] = 2
    monkeypatch.setattr(segmentation, "_SLAB_VOXELS", 2_000_000)
    found = regions(volume, kind, voxel=4.0)
    assert len(found.scores) == 1
    np.testing.assert_allclose(found.centres, [centre], atol=0.05)
    assert found.diameters_angstrom[0] == pytest.approx(720, rel=0.0033)


def test_large_regions_are_binned(monkeypatch):
    volume = -volume_of_balls((40, 40, 80), [(20, 20, 22), (20, 20, 43)], 11.0).clip(-1, 0)
    whole = regions(volume, voxel=5.0)
    monkeypatch.setattr(segmentation, "_LARGEST_BOX_VOXELS", 5000)
    binned = regions(volume, voxel=5.0)
    assert len(whole.scores) == len(binned.scores) == 2
    assert match(binned.centres, whole.centres, 1.0).picks.size == 2
    volumes = [(regions.diameters_angstrom**3).sum() for regions in (binned, whole)]
    assert volumes[0] == pytest.approx(volumes[1])


def test_scores_of_regions():
    """Probability times diameter of balls; sheets, rods and filaments are no particles."""
    centres = [(20, 20, 15), (20, 20, 45), (20, 20, 75)]
    volume = np.zeros((40, 40, 150), np.float32)
    for centre, radius, value in zip(centres, (5.5, 8, 3), (0.6, 0.9, 0.8), strict=True):
        volume[volume_of_balls(volume.shape, [centre], radius) < -0.5] = value
    found = regions(volume)
    np.testing.assert_allclose(found.centres, np.array(centres)[[1, 0, 2]])
    diameters = found.diameters_angstrom
    np.testing.assert_allclose(diameters, [160, 110, 60], rtol=0.07)
    np.testing.assert_allclose(found.scores, [0.9, 0.6, 0.8] * diameters, rtol=0.05)
    assert len(regions(volume, threshold=0.7).scores) == 2
    assert len(regions(volume, smallest=80.0).scores) == 2
    assert len(regions(volume, largest_diameter_angstrom=120.0).scores) == 2
    volume[:, 3:7, 88:148], volume[10:13, 21:24, 90:149] = 1.0, 1.0
    np.testing.assert_array_equal(regions(volume).scores, found.scores)


def picks_of(volume, diameter=120.0, **changes):
    choice = Choice(**{**vars(ANY), **changes})
    return pick_sized(reader(volume), volume.shape, 10.0, diameter, choice)


def test_picks_of_one_diameter():
    """In a crowd, with smaller and larger objects: those of the diameter come first."""
    shape = (50, 60, 120)
    touching = [(20, 20, 20), (20, 32, 20), (20, 26, 30), (30, 40, 40)]
    small, large = [(10, 50, 60), (40, 10, 60), (40, 50, 75)], [(25, 28, 98)]
    volume = np.zeros(shape, np.float32)
    for centres, radius in ((touching, 6.0), (small, 2.5), (large, 18.0)):
        volume = np.maximum(volume, -volume_of_balls(shape, centres, radius).clip(-1, 0))
    picks = picks_of(volume, most=4)
    assert match(picks.centres, np.array(touching), 2.0).picks.size == 4
    alone = -volume_of_balls(shape, [touching[0]], 6.0)
    assert picks_of(alone).scores[0] == pytest.approx(1, abs=0.1)
    assert len(picks_of(alone).scores) == 1
    numbered = np.where(alone > 0.5, 1, 0)
    numbered[:, :, 100:] = 2
    classes = Values("classes", (1.0,))
    found = pick_sized(reader(numbered), shape, 10.0, 120.0, ANY, values=classes)
    np.testing.assert_allclose(found.centres, [touching[0]], atol=0.5)
    assert picks_of(alone, threshold=2.0).why.endswith("or another --diameter")
    with pytest.raises(DataError, match="labels are of single particles"):
        picks_of(balls())


def test_touching_labels():
    labels = np.zeros((40, 40, 40), dtype=np.uint16)
    labels[10:20, 10:20, 10:20] = 7
    labels[10:20, 10:20, 20:30] = 300
    labels[30:32, 30:31, 30:31] = 8
    assert meaning(labels) == Values("labels")
    with pytest.raises(DataError, match="cannot be told apart"):
        meaning(labels * np.uint32(10**6))
    found = regions(labels, kind="labels")
    np.testing.assert_allclose(found.centres, [[14.5, 14.5, 14.5], [14.5, 14.5, 24.5]])
    np.testing.assert_allclose(found.scores, 10 * (6 / np.pi * 1000) ** (1 / 3))


def test_probabilities_in_bytes_are_refused():
    soft = ndimage.gaussian_filter((balls() > 0).astype(np.float32), 2)
    volume = np.round(255 * soft / soft.max()).astype(np.uint8)
    with pytest.raises(DataError, match="labels are scattered, as probabilities in whole numbers"):
        pick_regions(reader(volume), volume.shape, 10.0, (40.0, np.inf), ANY)
    many = np.zeros((40, 40, 40), np.uint8)
    for number, place in enumerate(np.ndindex(4, 5, 5), 1):
        many[tuple(slice(8 * n + 1, 8 * n + 7) for n in place)] = number
    assert len(pick_regions(reader(many), many.shape, 10.0, (40.0, np.inf), ANY).scores) == 100


def test_regions_centred_outside():
    alone = -volume_of_balls((40, 40, 40), [(3, 20, 20)], 6.0).clip(-1, 0)
    outside = -volume_of_balls((40, 40, 40), [(-2, 20, 20), (20, 42, 20)], 6.0).clip(-1, 0)
    assert len(regions(alone).scores) == 1
    assert len(regions(outside).scores) == 0


@pytest.mark.parametrize("value", [1, 7, 255])
def test_masks(value):
    mask = np.zeros((40, 40, 80), dtype=np.uint8)
    mask[10:20, 10:20, 10:20] = mask[10:20, 10:20, 40:50] = value
    picks = pick_regions(reader(mask), mask.shape, 10.0, (40.0, np.inf), ANY)
    assert len(picks.scores) == 2
    assert picks.why.startswith("2 regions of the mask with")


@pytest.mark.parametrize(("lowest", "highest"), [(-0.5, 0.5), (0.0, 1.5), (0.0, np.nan)])
def test_tomogram_is_refused(lowest, highest):
    volume = np.linspace(lowest, highest, 1000).reshape(10, 10, 10)
    with pytest.raises(DataError, match=r"neither probabilities|NaN"):
        meaning(volume)


def test_empty_segmentation():
    picks = pick_regions(reader(np.zeros((20, 20, 20))), (20, 20, 20), 10.0, (40.0, np.inf), ANY)
    assert not len(picks.scores)
    assert picks.why.startswith("0 regions of probability 0.5")
    assert "try a lower --threshold" in picks.why
