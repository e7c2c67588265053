"""Borders wide enough for what the CTF spreads, against borders of many periods of the image."""

import hypothesis
import numpy as np
import pytest
import torch
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from cameras import camera
from sections import changed, section
from ssn3d.core.seeds import generator
from ssn3d.microscope.ctf import ctf, radial_frequency
from ssn3d.microscope.padding import Padding, largest_displacement_angstrom

OPTICS = section("microscope").optics


def seen(image, optics, defocus_um, pixel, border):
    """Image multiplied by CTF and sinc in numpy, with a mirrored border."""
    padded = np.pad(image.astype(float), border, mode="reflect")
    frequency = radial_frequency(*padded.shape, pixel)
    function = ctf(frequency, optics, defocus_um) * np.sinc(frequency * pixel)
    result = np.fft.irfft2(np.fft.rfft2(padded) * function, s=padded.shape)
    return result[border:-border, border:-border]


@pytest.mark.parametrize(("pixel", "defocus"), [(10.0, 5.0), (4.0, 8.0), (4.0, -3.0), (2.0, 4.0)])
@pytest.mark.parametrize(("sigma", "largest"), [(0.0, 0.02), (1.155, 0.004)])
def test_images_are_those_of_huge_borders(pixel, defocus, sigma, largest):
    """White noise, and noise at the resolution of four voxels."""
    image = generator(0, "image").standard_normal((150, 150))
    image = gaussian_filter(image, sigma).astype(np.float32)
    changes = {"optics": {"defocus_um": defocus}, "tilt": {"step_deg": 60.0}}
    ours = camera(pixel, **changes).image(np.tile(image, (3, 1, 1)))[1]
    optics = changed(OPTICS, defocus_um=defocus)
    theirs = seen(image, optics, defocus, pixel, 600)
    assert np.sqrt(((ours - theirs) ** 2).mean()) < largest * theirs.std()


def test_one_period_is_exact():
    """However wide the CTF spreads a point: one period of the mirrored image stands for many."""
    image = generator(0, "image").standard_normal((40, 33)).astype(np.float32)
    padding = Padding.for_ctf(image.shape, OPTICS, np.array([30.0]), 2.0)
    assert padding.padded == (78, 64)
    many = np.pad(image, ((0, 38 + 8 * 78), (0, 31 + 8 * 64)), mode="reflect")
    functions = []
    for shape in (padding.padded, many.shape):
        frequency = radial_frequency(*shape, 2.0)
        functions.append(ctf(frequency, OPTICS, 30.0) * np.sinc(2.0 * frequency))
    ours = padding.transfer(
        torch.from_numpy(image), torch.from_numpy(functions[0].astype(np.float32))
    )
    theirs = np.fft.irfft2(np.fft.rfft2(many) * functions[1], s=many.shape)[:40, :33]
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_paper_border_is_24_pixels():
    assert Padding.for_ctf((600, 600), OPTICS, np.array([5.0]), 10.0).padded == (648, 648)


@hypothesis.given(st.floats(-10, 10), st.floats(1, 12), st.sampled_from([0.0, 2.7]))
def test_displacement_is_slope_of_phase(defocus, pixel, cs):
    """Waves along the axis and the diagonal, by differences of the CTF's phase."""
    optics = changed(OPTICS, cs_mm=cs, voltage_kv=300.0)
    k, step = np.linspace(0, 0.5 / pixel, 101), 1e-7 / pixel
    wavelength = 0.019687489
    found = []
    for across in (0.0, 0.5 / pixel):
        phases = [
            np.pi * wavelength * defocus * 1e4 * q - np.pi / 2 * cs * 1e7 * wavelength**3 * q**2
            for q in ((k + step) ** 2 + across**2, (k - step) ** 2 + across**2)
        ]
        found.append(np.abs(phases[0] - phases[1]).max() / (4 * np.pi * step))
    largest = largest_displacement_angstrom(optics, defocus, pixel)
    assert largest == pytest.approx(max(found), rel=1e-3, abs=1e-3)
