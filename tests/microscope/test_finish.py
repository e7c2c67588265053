"""Steps that follow the reconstruction."""

import numpy as np
import pytest

from cameras import camera
from sections import section
from ssn3d.core.seeds import generator
from ssn3d.microscope.finish import draw_finish, finish, transfer
from ssn3d.microscope.processing_settings import FinishSettings

OPTICS = section("microscope").optics
VOXEL = 10.0
STEPS = {
    "high_pass": {"probability": 0.5, "period_angstrom": [1000.0, 4000.0]},
    "deconvolution": {
        "probability": 0.5,
        "strength": 1.0,
        "falloff": 1.0,
        "high_pass_angstrom": 2000.0,
    },
    "low_pass": {"probability": 0.5, "period_angstrom": 60.0},
    "quantisation": {"probability": 0.5, "bits": 8, "clipped_percent": 1.0},
}
SETTINGS = FinishSettings.model_validate(STEPS)
FREQUENCY = np.linspace(0, 0.08, 400)


def curve(*, flipped=False, **steps):
    return transfer(FREQUENCY, steps, OPTICS, 5.0, flipped=flipped)


def finished(volume, **steps):
    return finish(volume.copy(), VOXEL, steps, OPTICS, camera().acquisition)


@pytest.fixture(scope="module")
def volume():
    return generator(0, "volume").normal(size=(24, 30, 36)).astype(np.float32)


def test_steps_are_drawn_by_their_probabilities():
    drawn = [draw_finish(SETTINGS, 1, f"t{i}", "A") for i in range(200)]
    for step in STEPS:
        assert 70 < sum(step in each for each in drawn) < 130
    periods = [each["high_pass"]["period_angstrom"] for each in drawn if "high_pass" in each]
    assert 1000 < min(periods) < 1300
    assert 3700 < max(periods) < 4000
    fewer = FinishSettings.model_validate({**STEPS, "low_pass": None})
    for i, each in enumerate(drawn[:20]):  # a step does not change the others
        each.pop("low_pass", None)
        assert draw_finish(fewer, 1, f"t{i}", "A") == each


def test_transfer_functions():
    low, high = (curve(**{s: {"period_angstrom": 100.0}}) for s in ("low_pass", "high_pass"))
    np.testing.assert_allclose(low + high, 1)
    assert np.interp(0.01, FREQUENCY, low) == pytest.approx(np.exp(-0.5), rel=1e-3)
    assert high[0] == 0
    wiener = {"strength": 1.0, "falloff": 1.0, "high_pass_angstrom": 2000.0}
    values = curve(deconvolution=wiener)
    assert values[0] == 0
    assert values[1:20].min() > 1  # low frequencies are raised
    assert np.abs(values[-50:]).max() < 0.01
    np.testing.assert_allclose(np.abs(values), curve(flipped=True, deconvolution=wiener))


def test_filter_of_volume(volume):
    steps = {"low_pass": {"period_angstrom": 40.0}}
    k = np.sqrt(sum(np.square(f) for f in np.meshgrid(
        *(np.fft.fftfreq(n, VOXEL) for n in volume.shape), indexing="ij")))  # fmt: skip
    expected = np.fft.ifftn(np.fft.fftn(volume) * np.exp(-((40 * k) ** 2) / 2)).real
    np.testing.assert_allclose(finished(volume, **steps), expected, atol=1e-5)


@pytest.mark.parametrize("bits", [2, 8])
def test_quantisation(volume, bits):
    grey = finished(volume, quantisation={"bits": float(bits), "clipped_percent": 1.0})
    assert {*np.unique(grey)} == {*np.arange(2.0**bits)}
    for end in (0, 2**bits - 1):
        assert 0.01 <= (grey == end).mean() < 0.01 + 2 / 2**bits
    assert np.corrcoef(grey.ravel(), volume.ravel())[0, 1] > 0.9
    constant = np.full_like(volume, 3)
    assert not finished(constant, quantisation={"bits": 8.0, "clipped_percent": 1.0}).any()


def test_no_steps(volume):
    np.testing.assert_array_equal(finished(volume), volume)
