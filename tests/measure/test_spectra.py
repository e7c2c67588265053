"""Tilts, defocus, filters and noise from power spectra; faces of the slab from detail."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import fft, ndimage

from sections import section
from ssn3d.averaging.wedge import angular_power
from ssn3d.core.seeds import generator
from ssn3d.io.tomogram_checks import survey
from ssn3d.measure.denoised import DETAIL_KURTOSIS, detail_kurtosis
from ssn3d.measure.finish import NoiseFit, fit_noise, is_eight_bits
from ssn3d.measure.slab import find_slab
from ssn3d.measure.snr import UNCERTAINTY, estimate_snr
from ssn3d.measure.spectrum import Spectrum, blocks, mean_power, spectrum_of
from ssn3d.measure.thon import find_rings
from ssn3d.measure.tilts import find_tilt_range, tilt_range_of
from ssn3d.microscope.ctf import ctf
from ssn3d.microscope.projector import Projector
from ssn3d.microscope.reconstruct import reconstruct
from ssn3d.specimen.ice import Slab, slab_normal

OPTICS = section("microscope").optics
TILTS = (-42.0, 63.0)


def spectrum(tomogram, left_out=()):
    middle = tomogram.grid.shape[0] / 2
    return spectrum_of(*mean_power(tomogram, middle, left_out), 10.0, TILTS)


def with_rings(defocus_um, depth, voxel_size=10.0):
    """Spectrum of noise of which a part, `depth`, enters before the CTF."""
    k = (np.arange(64) + 0.5) / 128 / voxel_size
    empty = np.full(64, np.nan)
    flat = Spectrum(voxel_size, k, k.copy(), np.ones(64), empty, np.ones(64))
    power = 1 - depth + depth * ctf(k, OPTICS, defocus_um) ** 2
    power *= NoiseFit(1.0, 0.0, 1.0).per_distance(k, voxel_size)
    power *= np.exp(0.02 * generator(0, "rings").standard_normal(64))
    return dataclasses.replace(flat, per_distance=power, recorded=power * k)


@pytest.mark.parametrize("tilts", [(-60, 60), (-40, 65), (-66, 42)])
def test_tilt_range(tilts):
    angles = np.arange(tilts[0], tilts[1] + 1, 2.0)
    noise = generator(0, "tilts").standard_normal((len(angles), 32, 96)).astype(np.float32)
    volume = reconstruct(noise, Projector(64, 96, angles), 2.0)
    np.testing.assert_allclose(tilt_range_of(angular_power(volume)), tilts, atol=4)


def test_no_tilt_range_without_wedge(opened):
    noise = generator(0, "filled").standard_normal((48, 48, 48)).astype(np.float32)
    assert find_tilt_range(opened(noise), 24) is None


@given(st.floats(3.5, 7), st.floats(0.4, 0.7))
@settings(max_examples=20)
def test_defocus_of_rings(defocus_um, depth):
    found = find_rings(with_rings(defocus_um, depth), OPTICS)
    assert found.defocus_um == pytest.approx(defocus_um, abs=0.25)
    zeros = ctf(1 / np.array(found.zeros_angstrom), OPTICS, found.defocus_um)
    np.testing.assert_allclose(zeros, 0, atol=0.02)


def test_no_rings_seen():
    assert find_rings(with_rings(5.0, 0.0), OPTICS) is None
    assert find_rings(with_rings(5.0, 0.5, voxel_size=25.0), OPTICS) is None
    assert find_rings(with_rings(5.0, 0.5), OPTICS, highest_per_angstrom=1 / 40) is None


@pytest.mark.parametrize("snr", [0.2, 0.06, 0.01])
def test_tilts_and_defocus_of_simulated_tomogram(simulated, opened, snr):
    tomogram = opened(simulated.at(snr))
    np.testing.assert_allclose(find_tilt_range(tomogram, 48), TILTS, atol=4)
    assert find_rings(spectrum(tomogram), OPTICS).defocus_um == pytest.approx(5, abs=0.3)


def test_snr_of_simulated_tomogram(simulated, opened):
    gold = [(tuple(centre), 150.0) for centre in simulated.beads]
    found = {}
    for snr in simulated.scales:
        measured = spectrum(opened(simulated.at(snr)), gold)
        found[snr] = estimate_snr(measured, fit_noise(measured)).snr
        assert 1 / UNCERTAINTY < found[snr] / snr < UNCERTAINTY
    assert found[0.2] > found[0.06] > found[0.01]


@pytest.mark.parametrize("period", [40.0, 70.0])
def test_low_pass_filter(simulated, opened, period):
    volume = simulated.at(0.01)
    assert not fit_noise(spectrum(opened(volume))).is_low_passed
    axes = [fft.fftfreq(n, 10.0) ** 2 for n in volume.shape[:2]]
    squared = axes[0][:, None, None] + axes[1][:, None] + fft.rfftfreq(volume.shape[2], 10.0) ** 2
    filtered = fft.rfftn(volume) * np.exp(-(period**2) * squared / 2).astype(np.float32)
    volume = fft.irfftn(filtered, volume.shape).astype(np.float32)
    found = fit_noise(spectrum(opened(volume, "filtered")))
    assert found.is_low_passed
    assert found.period_angstrom == pytest.approx(period, rel=0.25)
    assert estimate_snr(spectrum(opened(volume, "filtered")), found) is None
    rounded = np.clip(np.rint(volume / volume.std() * 32), -127, 127).astype(np.int8)
    tomogram = opened(rounded, "rounded")
    assert is_eight_bits(tomogram)
    assert not is_eight_bits(opened(volume, "filtered"))
    assert fit_noise(spectrum(tomogram)).period_angstrom == pytest.approx(period, rel=0.35)


@pytest.mark.parametrize("width", [20, 24, 32])
def test_narrow_tomograms_are_not_low_passed(opened, width):
    noise = generator(width, "narrow").standard_normal((width, width, width)).astype(np.float32)
    found = fit_noise(spectrum(opened(noise, "narrow")))
    assert found is None or not found.is_low_passed


def test_denoised_detail(simulated, opened):
    noisy = opened(simulated.at(0.01))
    assert abs(detail_kurtosis(noisy, 48)) < 1
    clean = opened(ndimage.median_filter(simulated.signal, 3), "clean")
    assert detail_kurtosis(clean, 48) > DETAIL_KURTOSIS


def test_blocks_cover_the_height():
    found = blocks((300, 400, 400), 128, 250, 6)
    assert len(found) == 6
    assert {(z.start, z.stop) for z, _, _ in found} == {(172, 300)}
    assert max(part.stop for block in found for part in block) <= 400


SHAPE = (40, 48, 56)


def noisy_slab(thickness, about_x, about_y, offset=0.0):
    """Noise in bins, four times as strong inside a slab."""
    middle = np.array(SHAPE) / 2 + (offset, 0, 0)
    slab = Slab(middle, slab_normal(about_x, about_y), thickness)
    depth = slab.depth(np.moveaxis(np.indices(SHAPE), 0, -1) + 0.5)
    noise = generator(0, "slab").standard_normal(SHAPE)
    return (noise * np.where(depth > 0, 4, 1)).astype(np.float32)


@given(st.floats(8, 20), st.floats(-15, 15), st.floats(-15, 15))
@settings(max_examples=5)
def test_thickness_and_tilts_of_noise(thickness, about_x, about_y):
    found = find_slab(noisy_slab(thickness, about_x, about_y), 3, tuple(3 * n for n in SHAPE))
    assert found.thickness_voxels == pytest.approx(3 * thickness, abs=9)
    np.testing.assert_allclose(found.tilts_deg, (about_x, about_y), atol=2)


def test_one_face_and_data_alone():
    volume = noisy_slab(30.0, 0.0, 0.0, offset=14.0)
    volume[:, :9] = np.nan
    found = find_slab(volume, 1, SHAPE)
    assert found.top is None
    assert found.thickness_voxels is None
    assert found.bottom.height == pytest.approx(-1, abs=1.5)  # 20 + 14 - 15, less half the depth
    # Three sections that fill no bin lie above.
    more = find_slab(volume, 4, tuple(4 * n + 3 for n in SHAPE))
    assert more.bottom.height == pytest.approx(4 * found.bottom.height - 1.5, abs=0.1)
    middles = np.ix_(*(np.arange(n) + 0.5 - n / 2 for n in SHAPE))
    assert np.logical_or(*found.beyond(*middles)).mean() == pytest.approx(19 / 40, abs=0.04)


def test_no_slab_in_even_noise():
    noise = generator(1, "slab").standard_normal(SHAPE).astype(np.float32)
    for volume in (noise, noise[:6], np.zeros(SHAPE, np.float32)):
        assert find_slab(volume, 3, tuple(3 * n for n in volume.shape)) is None


@pytest.mark.parametrize("snr", [0.2, 0.06])
def test_slab_of_simulated_tomogram(simulated, snr):
    volume = simulated.at(snr)
    found = find_slab(survey(lambda s: volume[s], volume.shape, 10.0, "t").binned, 3, volume.shape)
    assert 10 * found.thickness_voxels == pytest.approx(600, abs=120)
    np.testing.assert_allclose(found.tilts_deg, (4, -6), atol=2.5)
