"""Boxes around particles and their masks; fit and contrast of maps."""

import numpy as np
import pytest

from ssn3d.averaging.boxes import cut_boxes, fit_map, with_dark_protein
from ssn3d.averaging.masks import cut_out, soft_masks, soft_sphere
from ssn3d.core.errors import DataError


@pytest.mark.parametrize("shape", [(8, 8, 8), (21, 21, 21), (9, 30, 16)])
def test_fit_map_keeps_centre(shape):
    volume = np.full(shape, 2.0)
    volume[tuple(n // 2 for n in shape)] = 9
    cube = fit_map(volume, 16)
    assert cube.shape == (16, 16, 16)
    assert cube[8, 8, 8] == 9
    assert np.count_nonzero(cube == 2) == cube.size - 1


def test_bright_maps_are_negated():
    sphere = soft_sphere(16, 4.0)
    assert with_dark_protein(sphere, sphere)[1]
    dark, was_bright = with_dark_protein(3 - sphere, sphere)
    assert not was_bright
    assert dark[8, 8, 8] < dark[0, 0, 0]


def test_boxes_are_standardised():
    volume = np.random.default_rng(0).normal(size=(20, 20, 20)).astype(np.float32)
    centres = np.array([[10.4, 9.6, 10.0], [8, 8, 8], [12, 12, 12], [9, 9, 9], [1, 10, 10]])
    boxes = cut_boxes(volume, centres, 8)
    assert boxes.rows.tolist() == [0, 1, 2, 3]
    assert boxes.middles[0].tolist() == [10, 10, 10]
    cut = volume[6:14, 6:14, 6:14]
    np.testing.assert_allclose(boxes.images[0], (cut - cut.mean()) / cut.std(), atol=1e-5)


def test_particles_left_out():
    volume = np.random.default_rng(0).normal(size=(24, 24, 24)).astype(np.float32)
    centres = np.array([[8, 8, 8], [2, 9, 9], [12, 12, 12], [9, 9, 9], [8, 12, 12], [15, 15, 15]])
    labels = np.zeros(volume.shape, dtype=np.uint16)
    for row, centre in enumerate(centres):
        labels[tuple(centre)] = row + 1
    labels[labels == 4] = 0
    boxes = cut_boxes(volume, centres.astype(float), 8, labels)
    assert boxes.rows.tolist() == [0, 2, 4, 5]
    assert boxes.masks[:, 4, 4, 4].all()
    assert boxes.masks.sum() == 4  # not those of neighbours
    with pytest.raises(DataError, match="masks of shape"):
        cut_boxes(volume, centres.astype(float), 8, labels[:20])
    with pytest.raises(DataError, match="3 of 4 particles can be averaged; give at least 4"):
        cut_boxes(volume, centres[:4].astype(float), 8)


def test_constant_boxes_are_left_out(caplog):
    volume = np.random.default_rng(0).normal(size=(20, 20, 40)).astype(np.float32)
    volume[:, :, 20:] = 0.1
    centres = np.array([[10, 10, 28], *[[10.0, 10, 8 + i] for i in range(4)], [9, 9, 27]])
    boxes = cut_boxes(volume, centres, 8)
    assert boxes.rows.tolist() == [1, 2, 3, 4]
    assert "2 particles lie where the tomogram is constant; left out" in caplog.text
    np.testing.assert_allclose(boxes.images.std(axis=(1, 2, 3)), 1, rtol=1e-4)
    with pytest.raises(DataError, match="constant"):
        cut_boxes(np.zeros((20, 20, 20), dtype=np.float32), np.full((4, 3), 10.0), 8)


def test_soft_sphere():
    sphere = soft_sphere(24, 6.0)
    line = sphere[12, 12, 12:]
    assert (line[:7] == 1).all()
    assert (line[9:] == 0).all()
    assert (np.diff(line) <= 0).all()
    assert np.abs(np.diff(line)).max() < 0.6


def test_neighbours_are_masked():
    own = np.zeros((24, 24, 24), dtype=bool)
    own[10:14, 10:14, 10:14] = True
    image = np.full(own.shape, 5.0, dtype=np.float32)
    image[own] -= 1
    image[2:6, 2:6, 2:6] -= 7
    left = cut_out(image, soft_masks(own[None])[0])
    np.testing.assert_allclose(left[own], -1, atol=1e-5)
    np.testing.assert_allclose(left[~own], 0, atol=1e-5)


def test_full_mask_subtracts_mean():
    image = np.arange(512, dtype=np.float32).reshape(8, 8, 8)
    np.testing.assert_allclose(cut_out(image, np.ones_like(image)), image - image.mean())


def test_empty_mask():
    assert not soft_masks(np.zeros((1, 8, 8, 8), dtype=bool)).any()
