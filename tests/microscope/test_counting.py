"""Noise variance against tilt, as a formula and as measured in images."""

import numpy as np
import pytest

from cameras import DOSE, ICE, camera
from ssn3d.microscope.counting import noise_variances
from ssn3d.seeds import generator

TILTS = np.array([-60.0, -30.0, 0.0, 30.0, 60.0])
EQUAL = np.ones(5)


def test_electrons_fall_exponentially_with_the_path_through_the_ice():
    """At 60 degrees the path is twice as long: half a mean free path more, here."""
    before, after = noise_variances(TILTS, EQUAL, 0.5)
    assert after[2] == pytest.approx(1)
    assert after[0] == after[4] == pytest.approx(np.exp(0.5))
    assert after[1] == pytest.approx(np.exp(0.5 * (2 / np.sqrt(3) - 1)))
    np.testing.assert_allclose(before, [2, 2 / np.sqrt(3), 1, 2 / np.sqrt(3), 2])


def test_counting_noise_falls_with_the_exposure():
    _, after = noise_variances(TILTS, np.array([1.0, 2, 4, 2, 1]), 0.0)
    np.testing.assert_allclose(after, [2, 1, 0.5, 1, 2])


def test_without_ice_and_with_equal_exposures_all_tilts_are_alike():
    for variances in noise_variances(TILTS, 3 * EQUAL, 0.0):
        assert variances.tolist() == [1] * 5


@pytest.mark.parametrize(("fraction", "expected"), [(1.0, 2.0), (0.0, np.exp(0.5) / 2)])
def test_the_noise_of_images_has_these_variances(fraction, expected):
    """Tilted by 60 degrees against untilted: before the CTF, and after it with twice the dose."""
    detector = {"mtf": "none", "noise_before_ctf_fraction": fraction}
    tilt, dose = {"step_deg": 30.0}, {**DOSE, "exposure": "inverse-cosine"}
    taken = camera(tilt=tilt, ice=ICE, dose=dose, detector=detector)
    noise = taken.unit_noise((256, 256), generator(0, "n"))
    assert noise[0].var() / noise[2].var() == pytest.approx(expected, rel=0.05)
    assert noise[4].var() / noise[2].var() == pytest.approx(expected, rel=0.05)
