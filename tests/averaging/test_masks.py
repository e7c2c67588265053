"""Masks keep the particle, take away its neighbours, and add no edges."""

import numpy as np

from ssn3d.averaging.masks import cut_out, soft_masks, soft_sphere


def test_a_sphere_is_one_inside_and_falls_smoothly():
    sphere = soft_sphere(24, 6.0)
    line = sphere[12, 12, 12:]
    assert (line[:7] == 1).all()
    assert (line[9:] == 0).all()
    assert (np.diff(line) <= 0).all()
    assert np.abs(np.diff(line)).max() < 0.6


def test_a_neighbour_is_cut_away_and_a_flat_background_leaves_nothing():
    own = np.zeros((24, 24, 24), dtype=bool)
    own[10:14, 10:14, 10:14] = True
    image = np.full(own.shape, 5.0, dtype=np.float32)
    image[own] -= 1
    image[2:6, 2:6, 2:6] -= 7
    left = cut_out(image, soft_masks(own[None])[0])
    np.testing.assert_allclose(left[own], -1, atol=1e-5)
    np.testing.assert_allclose(left[~own], 0, atol=1e-5)


def test_no_mask_leaves_all_but_the_mean():
    image = np.arange(512, dtype=np.float32).reshape(8, 8, 8)
    np.testing.assert_allclose(cut_out(image, np.ones_like(image)), image - image.mean())


def test_a_particle_without_a_mask_is_empty():
    assert not soft_masks(np.zeros((1, 8, 8, 8), dtype=bool)).any()
