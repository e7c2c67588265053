"""Noise variance against tilt, as a formula and as measured in images."""

import numpy as np
import pytest

from cameras import DOSE, ICE, camera
from sections import section
from ssn3d.core.seeds import generator
from ssn3d.microscope.acquisition import sample_acquisition
from ssn3d.microscope.projector import Projector
from ssn3d.microscope.shot_noise import noise_variances
from ssn3d.specimen.ice import draw_slab

TILTS = np.array([-60.0, -30.0, 0.0, 30.0, 60.0])
EQUAL = np.ones(5)
LEVEL = np.cos(np.deg2rad(TILTS))


def test_noise_grows_with_path_in_ice():
    """At 60 degrees the path is twice as long: half a mean free path more, here."""
    before, after = noise_variances(LEVEL, EQUAL, 0.5)
    assert after[2] == pytest.approx(1)
    assert after[0] == after[4] == pytest.approx(np.exp(0.5))
    assert after[1] == pytest.approx(np.exp(0.5 * (2 / np.sqrt(3) - 1)))
    np.testing.assert_allclose(before, [2, 2 / np.sqrt(3), 1, 2 / np.sqrt(3), 2])


def test_shot_noise_falls_with_exposure():
    _, after = noise_variances(LEVEL, np.array([1.0, 2, 4, 2, 1]), 0.0)
    np.testing.assert_allclose(after, [2, 1, 0.5, 1, 2])


def test_equal_noise_without_ice():
    for variances in noise_variances(LEVEL, 3 * EQUAL, 0.0):
        assert variances.tolist() == [1] * 5


@pytest.mark.parametrize(("about_x", "about_y"), [(0.0, 0.0), (0.0, 12.0), (15.0, -8.0)])
def test_noise_follows_path_through_slab(about_x, about_y):
    """The path is that of rays of the projector through the slab that the specimen has."""
    keys = {"tilt_about_x_deg": about_x, "tilt_about_y_deg": about_y, "thickness_angstrom": 160.0}
    size = {"x": 160, "y": 40, "z": 100}
    specimen = section("specimen", tomogram_size_voxels=size, ice=keys)
    slab, numbers = draw_slab(specimen, generator(0))
    settings = section("microscope", tilt={"min_deg": -50.0, "max_deg": 50.0, "step_deg": 25.0},
                       ice={"mean_free_path_angstrom": 1000.0})  # fmt: skip
    tilts = sample_acquisition(settings, 0, "t1", ice=numbers).tilts
    depth = slab.depth(np.moveaxis(np.indices((100, 40, 160)), 0, -1).astype(float))
    inside = np.clip(depth + 0.5, 0, 1).astype(np.float32)
    rays = 10 * Projector(100, 160, tilts.angle_deg).project(inside)[:, 20, 80]
    np.testing.assert_allclose(tilts.noise_variance_before_ctf * 160, rays, rtol=0.01)
    np.testing.assert_allclose(
        tilts.noise_variance_after_ctf, np.exp((rays - 160) / 1000), rtol=0.01
    )


@pytest.mark.parametrize(("fraction", "expected"), [(1.0, 2.0), (0.0, np.exp(0.5) / 2)])
def test_image_noise_variances(fraction, expected):
    """Tilted by 60 degrees against untilted: before the CTF, and after it with twice the dose."""
    detector = {"mtf": "none", "noise_before_ctf_fraction": fraction}
    tilt, dose = {"step_deg": 30.0}, {**DOSE, "exposure": "inverse-cosine"}
    taken = camera(tilt=tilt, ice=ICE, dose=dose, detector=detector)
    noise = taken.unit_noise((256, 256), generator(0, "n"))
    assert noise[0].var() / noise[2].var() == pytest.approx(expected, rel=0.05)
    assert noise[4].var() / noise[2].var() == pytest.approx(expected, rel=0.05)
