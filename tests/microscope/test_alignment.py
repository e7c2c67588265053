"""Errors of the alignment: what they do to an image, and that they can be found again."""

import numpy as np
import pytest
import scipy.ndimage
import skimage.registration

from ssn3d.core.seeds import generator
from ssn3d.microscope.alignment import Alignment

PIXEL = 10.0


def smooth_images(shape):
    """Noise, smooth enough for splines."""
    white = generator(0, "images").standard_normal(shape)
    return scipy.ndimage.gaussian_filter(white, (0, 1.5, 1.5)).astype(np.float32)


def errors(count, **sizes):
    given = {"shift_sd_angstrom": 0.0, "rotation_sd_deg": 0.0, "axis_rotation_deg": 0.0}
    return Alignment.drawn(count, generator(1, "errors"), **{**given, **sizes})


def test_shifts_by_cross_correlation():
    images = smooth_images((4, 128, 96))
    moved = images.copy()
    alignment = errors(4, shift_sd_angstrom=60.0)
    alignment.misalign(moved, PIXEL)
    window = np.outer(np.hanning(128), np.hanning(96))  # borders do not move
    for before, after, shift in zip(images, moved, alignment.shifts_angstrom, strict=True):
        found, *_ = skimage.registration.phase_cross_correlation(
            after * window, before * window, upsample_factor=20, normalization=None
        )
        np.testing.assert_allclose(found[::-1], shift / PIXEL, atol=0.3)


@pytest.mark.parametrize("size", [(81, 97), (80, 96)])
def test_misalign_rotates_then_shifts(size):
    spot = np.zeros((1, *size), dtype=np.float32)
    spot[0, size[0] // 2 + 10, size[1] // 2 + 20] = 1
    spot = scipy.ndimage.gaussian_filter(spot, (0, 2, 2))
    Alignment(np.array([[30.0, -50.0]]), np.array([25.0])).misalign(spot, PIXEL)
    y, x = scipy.ndimage.center_of_mass(spot[0])
    angle = np.deg2rad(25)
    assert x - size[1] // 2 == pytest.approx(20 * np.cos(angle) - 10 * np.sin(angle) + 3, abs=0.01)
    assert y - size[0] // 2 == pytest.approx(20 * np.sin(angle) + 10 * np.cos(angle) - 5, abs=0.01)


def test_alignment_error_statistics():
    drawn = errors(4000, shift_sd_angstrom=7.0, rotation_sd_deg=0.3, axis_rotation_deg=-1.0)
    np.testing.assert_allclose(drawn.shifts_angstrom.std(axis=0), 7, rtol=0.05)
    np.testing.assert_allclose(drawn.shifts_angstrom.mean(axis=0), 0, atol=0.5)
    assert drawn.rotations_deg.std() == pytest.approx(0.3, rel=0.05)
    assert drawn.rotations_deg.mean() == pytest.approx(-1, abs=0.02)


def test_without_errors_nothing_changes():
    images = smooth_images((2, 40, 40))
    before = images.copy()
    Alignment.exact(2).misalign(images, PIXEL)
    np.testing.assert_array_equal(images, before)
