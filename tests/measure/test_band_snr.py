"""SNR of macromolecules in a band: set in a simulated tomogram, found in the same tomogram."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import fft

from sections import section
from ssn3d.core.classes import OTHER
from ssn3d.core.errors import SNRError
from ssn3d.find.snr import band_snr, noise_variance, signal_and_noise
from ssn3d.io.mrc import write_mrc
from ssn3d.io.volumes import open_volume
from ssn3d.measure.finish import NoiseFit
from ssn3d.measure.measurements import measure
from ssn3d.microscope.band_snr import signal_power

OPTICS = section("microscope").optics
TILTS = (-42.0, 63.0)
SIZE = 10.0


@pytest.fixture(scope="module")
def labels(simulated, tmp_path_factory):
    path = tmp_path_factory.mktemp("band") / "labels.mrc"
    write_mrc(path, simulated.classes.astype(np.int8), SIZE)
    return open_volume(path)


def unit_snr(simulated, signal, classes=None):
    power = signal_power(signal, simulated.classes if classes is None else classes, SIZE)
    return power / simulated.noise.var(dtype=np.float64)


@pytest.mark.parametrize("snr", [0.06, 0.01])
def test_snr_that_was_set_is_found(simulated, opened, labels, snr):
    true = unit_snr(simulated, simulated.signal) / simulated.scales[snr] ** 2
    tomogram = opened(simulated.at(snr))
    found = measure(tomogram, OPTICS, TILTS)
    measured = signal_and_noise(tomogram, labels, found)
    assert band_snr(measured, SIZE) == pytest.approx(true, rel=0.25)
    # Coarser voxels hold less of the noise, finer ones no more than was measured.
    assert band_snr(measured, 1.5 * SIZE) > 1.5 * band_snr(measured, SIZE)
    assert band_snr(measured, 0.5 * SIZE) == band_snr(measured, SIZE)


def test_noise_of_coarser_voxels(simulated, opened):
    volume = simulated.scales[0.01] * simulated.noise
    found = measure(opened(volume, "noise"), OPTICS, TILTS).noise
    spectrum = fft.fftn(volume / volume.std())
    nearest = [np.abs(fft.fftfreq(n)) <= 0.25 for n in volume.shape]
    kept = nearest[0][:, None, None] & nearest[1][:, None] & nearest[2]
    part = np.mean(np.abs(spectrum) ** 2 * kept) / kept.size
    assert noise_variance(found, TILTS, SIZE, SIZE) == pytest.approx(1, rel=0.1)
    # Extrapolated from finer detail, through the rings of the CTF.
    assert noise_variance(found, TILTS, SIZE, 2 * SIZE) == pytest.approx(part, rel=0.4)


@given(place=st.tuples(*(st.integers(20, n - 20) for n in (96, 144, 144))))
@settings(max_examples=5)
def test_gold_does_not_count(simulated, place):
    without = unit_snr(simulated, simulated.signal)
    bead = tuple(slice(n - 4, n + 5) for n in place)
    classes, signal = simulated.classes.copy(), simulated.signal.copy()
    around = tuple(slice(max(0, n - 16), n + 17) for n in place)
    signal[bead] -= 20 * simulated.signal.std()
    classes[around] = OTHER
    with_bead = unit_snr(simulated, signal, classes)
    assert with_bead == pytest.approx(without, rel=0.15)


def test_no_macromolecules(simulated, opened, tmp_path):
    with pytest.raises(SNRError, match=r"macromolecules add no power .*specimen\.particles"):
        signal_power(simulated.signal, np.zeros_like(simulated.classes), SIZE)
    write_mrc(tmp_path / "labels.mrc", np.zeros(simulated.signal.shape, np.int8), SIZE)
    tomogram = opened(simulated.at(0.06))
    empty, found = open_volume(tmp_path / "labels.mrc"), measure(tomogram, OPTICS, TILTS)
    assert signal_and_noise(tomogram, empty, found) is None
    assert band_snr(None, SIZE) is None


def test_variance_of_white_noise_in_all_directions():
    flat = NoiseFit(1.0, 0.0, 1.0)
    whole = noise_variance(flat, (-90.0, 90.0), SIZE, SIZE)
    z, y, x = (np.fft.fftfreq(64) for _ in range(3))
    k = np.sqrt(z[:, None, None] ** 2 + y[:, None] ** 2 + x**2)
    power = np.hypot(z[:, None, None], x) * np.sinc(k) ** 2
    assert whole == pytest.approx(power.mean(), rel=0.02)
