"""Masks keep the particle, remove its neighbours, and add no edges."""

import numpy as np

from ssn3d.averaging.masks import cut_out, soft_masks, soft_sphere


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
