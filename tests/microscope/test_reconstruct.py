"""Weights of tilts, filters of the reconstruction, and corrections of images."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cameras import DOSE, camera
from ssn3d.core.seeds import generator
from ssn3d.microscope.correction import correction, flipped
from ssn3d.microscope.ctf import ctf
from ssn3d.microscope.projector import Projector
from ssn3d.microscope.reconstruct import (
    filter_factor,
    filtered_rows,
    reconstruct,
    sirt_like,
    soft_end,
    tilt_spacings_deg,
)
from ssn3d.microscope.steps import EVERY

FREQUENCY = np.linspace(0, 0.5, 201)


@given(st.integers(2, 200), st.floats(0.01, 5), st.floats(-90, 0))
def test_equal_steps_have_equal_spacings(tilts, step, first):
    spacings = tilt_spacings_deg(np.linspace(first, first + step * (tilts - 1), tilts))
    assert len({*spacings}) == 1
    assert spacings[0] == pytest.approx(step)


@given(st.sets(st.integers(-60, 65), min_size=3))
def test_unequal_spacings_integrate_a_constant(angles):
    angles = np.sort(np.array([*angles], dtype=float))
    spacings = tilt_spacings_deg(angles)
    assert spacings.sum() == pytest.approx(np.ptp(angles) + np.median(np.diff(angles)))
    np.testing.assert_allclose(spacings[1:-1], (angles[2:] - angles[:-2]) / 2)


def test_unequal_spacings_reconstruct_better():
    """Of a disk from tilts of which every other on one side is missing."""
    z, x = np.mgrid[-32:32, -32:32]
    disk = (z**2 + (x - 6) ** 2 < 100).astype(np.float32)[:, None]
    angles = np.array([*range(-90, 0, 1), *range(0, 90, 6)], dtype=float)
    projector = Projector(64, 64, angles)
    tilts = projector.project(disk)
    inside = z**2 + x**2 < 30**2

    def error(spacing):
        return np.linalg.norm((reconstruct(tilts, projector, spacing)[:, 0] - disk[:, 0])[inside])

    assert error(tilt_spacings_deg(angles)) < 0.7 * error(180 / len(angles))


@given(st.floats(0, 0.45), st.floats(0.01, 0.2))
def test_soft_end(cutoff, falloff):
    factor = soft_end(FREQUENCY, cutoff, falloff)
    assert (factor[cutoff >= FREQUENCY] == 1).all()
    assert (np.diff(factor) <= 0).all()
    assert soft_end(np.array([cutoff + falloff]), cutoff, falloff)[0] == pytest.approx(np.exp(-0.5))


def test_sirt_like_tends_to_the_ramp():
    few, many = sirt_like(FREQUENCY, 10), sirt_like(FREQUENCY, 1e5)
    np.testing.assert_allclose(many, 1)
    assert few[0] == 1
    assert (np.diff(few) <= 0).all()
    assert (sirt_like(FREQUENCY, 20) >= few).all()
    iterated = np.zeros_like(FREQUENCY)  # n steps of Landweber's iteration, from 0
    for _ in range(10):
        iterated += 0.002 / np.maximum(FREQUENCY, 0.002) * (1 - iterated)
    np.testing.assert_allclose(few, iterated)


def test_filter_of_rows():
    rng = generator(0, "rows")
    tilts = rng.normal(size=(3, 4, 32)).astype(np.float32)
    plain = filtered_rows(tilts)
    np.testing.assert_array_equal(filtered_rows(tilts, filter_factor("ramp", {}, 32)), plain)
    numbers = {
        "reconstruction.soft_cutoff_cycles_per_pixel": 0.1,
        "reconstruction.soft_falloff_cycles_per_pixel": 0.02,
    }
    soft = filtered_rows(tilts, filter_factor("ramp_soft", numbers, 32))
    spectrum = np.abs(np.fft.rfft(soft, axis=-1)).mean(axis=(0, 1))
    assert spectrum[-6:].max() < 0.05 * spectrum.max()


@given(st.floats(-10, 10))
def test_flipped_ctf_has_one_sign(defocus_um):
    optics = camera().optics
    values = ctf(np.linspace(0, 0.08, 500), optics, defocus_um)
    corrected = values * flipped(values)
    assert (corrected <= 0).all()  # protein dark
    np.testing.assert_array_equal(np.abs(corrected), np.abs(values))


def test_corrected_images():
    """A point imaged and corrected has the transform -|CTF|, at the defocus of its own tilt."""
    tilt = {"min_deg": -10.0, "max_deg": 10.0, "step_deg": 10.0}
    optics = {"defocus_um": 3.0, "defocus_sd_um": 0.5}
    detector = {"mtf": "none"}
    ours = camera(tilt=tilt, optics=optics, detector=detector, ctf_correction="phase_flip")
    point = np.zeros((3, 96, 96), dtype=np.float32)
    point[:, 48, 48] = 1
    images = ours.image(point)
    correct = correction(ours, (96, 96), slice(1, None, 2))  # of the middle tilt only
    spectrum = np.fft.rfft2(np.fft.ifftshift(correct(0, torch.from_numpy(images[1])).numpy()))
    assert spectrum.real.max() < 0.05
    assert spectrum.real.mean() < -0.5
    assert correction(camera(tilt=tilt), (96, 96), EVERY) is None


def test_dose_weighting_damps_late_images():
    tilt = {"min_deg": -60.0, "max_deg": 60.0, "step_deg": 20.0, "left_out_fraction": 0.0}
    ours = camera(tilt=tilt, dose=DOSE, reconstruction={"dose_weighting": True})
    white = torch.from_numpy(generator(1, "white").normal(size=(64, 64)).astype(np.float32))
    correct = correction(ours, (64, 64), EVERY)
    left = [float(correct(i, white).std()) for i in range(7)]
    assert left[0] < left[1] < left[2] < left[3] < 1
    assert left[6] < left[5] < left[4] < left[3]
