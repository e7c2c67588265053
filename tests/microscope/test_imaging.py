"""CTF against torch-ctf, the detector's transfer and table, and the spectrum of the noise."""

import math

import numpy as np
import pytest
import torch
import torch_ctf

from cameras import DOSE, ICE, camera
from sections import changed, section
from small_workflow import REPOSITORY
from ssn3d.core.errors import DataError
from ssn3d.core.seeds import generator
from ssn3d.microscope.ctf import ctf, radial_frequency, wavelength_angstrom
from ssn3d.microscope.detector import mtf_and_dqe
from ssn3d.microscope.detector_table import read_detector_table

OPTICS = section("microscope").optics


def camera_of(mtf="sinc", fraction=0.5, tilts=3):
    detector = {"mtf": mtf, "noise_before_ctf_fraction": fraction}
    tilt = {"min_deg": 0.0, "max_deg": tilts - 1.0}
    return camera(detector=detector, tilt=tilt)


def test_wavelength():
    assert wavelength_angstrom(300.0) == pytest.approx(0.019687, rel=1e-4)
    assert wavelength_angstrom(200.0) == pytest.approx(0.025079, rel=1e-4)


@pytest.mark.parametrize("defocus_um", [-2.0, 0.5, 5.0, 15.0])
@pytest.mark.parametrize("voltage_kv", [200.0, 300.0])
def test_ctf_agrees_with_torch_ctf(defocus_um, voltage_kv):
    size, pixel = 64, 10.0
    changes = {"voltage_kv": voltage_kv, "cs_mm": 2.7}
    optics = changed(OPTICS, **changes, amplitude_contrast=0.1)
    ours = ctf(radial_frequency(size, size, pixel), optics, defocus_um)
    theirs = torch_ctf.calculate_ctf_2d(
        defocus=defocus_um,
        astigmatism=0.0,
        astigmatism_angle=0.0,
        voltage=voltage_kv,
        spherical_aberration=2.7,
        amplitude_contrast=0.1,
        phase_shift=0.0,
        pixel_size=pixel,
        image_shape=(size, size),
        rfft=True,
        fftshift=False,
    )
    # ours is negative at low frequency, since protein is dark; the sign is all that may differ
    theirs = theirs.double().numpy()
    sign = np.sign(theirs[0, 0]) * np.sign(ours[0, 0])
    np.testing.assert_allclose(ours, sign * theirs, atol=2e-3, rtol=0)


def test_ctf_sign_and_first_zero():
    frequency = np.linspace(0, 0.05, 5001)
    values = ctf(frequency, changed(OPTICS, amplitude_contrast=0.0), 5.0)
    first_zero = frequency[1:-1][np.diff(np.sign(values[1:])) != 0][0]
    assert 1 / first_zero / 10 == pytest.approx(3.1, abs=0.05)  # nm
    assert values[1:100].max() < 0
    assert ctf(np.zeros(1), OPTICS, 5.0)[0] == pytest.approx(-0.07)


def test_sinc_mtf():
    values, dqe = mtf_and_dqe(np.array([0.0, 0.05]), 10.0, "sinc")
    assert values.tolist() == pytest.approx([1, 2 / math.pi])
    assert mtf_and_dqe(np.array([0.0, 0.05]), 10.0, "none")[0].tolist() == dqe.tolist() == [1, 1]


def test_wave_is_scaled_by_ctf_times_mtf():
    cycles, size = 12, 96
    frequency = cycles / (size * 10.0)
    wave = np.cos(2 * np.pi * cycles * np.arange(size) / size).astype(np.float32)
    seen = camera_of().image(np.tile(wave, (1, size, 1)))[0]
    at = np.array([frequency])
    factor = (ctf(at, OPTICS, 5.0) * mtf_and_dqe(at, 10.0, "sinc")[0]).item()
    middle = slice(30, -30)
    np.testing.assert_allclose(
        seen[middle, middle], factor * np.tile(wave, (size, 1))[middle, middle], atol=2e-3
    )


@pytest.mark.parametrize("mtf_kind", ["sinc", "none"])
@pytest.mark.parametrize("fraction", [0.0, 0.5, 1.0])
def test_noise_spectrum(mtf_kind, fraction):
    """MTF^2 (f CTF^2 + 1 - f) at every frequency."""
    size = 128
    noise = camera_of(mtf_kind, fraction, tilts=14).unit_noise((size, size), generator(0, "noise"))
    window = np.outer(np.hanning(size), np.hanning(size))  # else the CTF's zeros are filled
    power = (np.abs(np.fft.rfft2(noise * window)) ** 2).mean(axis=0) / (window**2).sum()
    frequency = radial_frequency(size, size, 10.0)
    modulation = np.sinc(frequency * 10) if mtf_kind == "sinc" else 1
    contrast = ctf(frequency, OPTICS, 5.0)
    expected = modulation**2 * (fraction * contrast**2 + 1 - fraction)
    ring = np.rint(frequency * 10 * size).astype(int).ravel()
    in_rings = [np.bincount(ring, p.ravel()) / np.bincount(ring) for p in (power, expected)]
    seen, asked = (p[5:64] for p in in_rings)
    np.testing.assert_allclose(seen, asked, rtol=0.15, atol=0.05)


def test_opposite_borders_are_independent():
    noise = camera_of(tilts=60).unit_noise((64, 48), generator(0, "noise"))
    for one, other in ((noise[:, :2], noise[:, -2:]), (noise[:, :, :2], noise[:, :, -2:])):
        assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 0.05


def test_noise_comes_from_the_seed_alone():
    first, again, other = (
        camera_of().unit_noise((64, 64), generator(s, "noise")) for s in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert abs(np.corrcoef(first.ravel(), other.ravel())[0, 1]) < 0.05


@pytest.mark.gpu
@pytest.mark.parametrize(
    "options", [{}, {"optics": {"defocus_across_field": True}, "dose": DOSE, "ice": ICE}]
)
def test_cpu_and_cuda_agree(options):
    if not torch.cuda.is_available():
        pytest.skip("no CUDA GPU")
    options = {**options, "tilt": {"step_deg": 60.0}}
    images = generator(0, "i").standard_normal((3, 64, 96), dtype=np.float32)
    for make in (lambda c: c.image(images), lambda c: c.unit_noise((64, 96), generator(1, "n"))):
        ours, theirs = make(camera(**options)), make(camera(device="cuda", **options))
        assert np.abs(ours - theirs).max() < 1e-3 * np.abs(ours).max()


IDEAL = REPOSITORY / "resources" / "ideal_detector.csv"


@pytest.mark.parametrize("binning", [1.0, 4.0])
def test_ideal_detector(binning):
    cycles = np.linspace(0, 0.5, 101)
    mtf, dqe = read_detector_table(IDEAL, binning).at(cycles)
    np.testing.assert_allclose(mtf, np.sinc(cycles / binning), atol=5e-4)
    np.testing.assert_allclose(dqe, np.sinc(cycles / binning) ** 2, atol=5e-4)


def test_curves_are_normalised(tmp_path):
    file = tmp_path / "detector.csv"
    file.write_text("cycles_per_pixel,mtf,dqe\n0,0.9,0.8\n0.5,0.45,0.2\n")
    mtf, dqe = read_detector_table(file, 1.0).at(np.array([0.0, 0.25, 0.5, 0.7]))
    assert mtf.tolist() == pytest.approx([1, 0.75, 0.5, 0.5])
    assert dqe.tolist() == pytest.approx([1, 0.625, 0.25, 0.25])


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("cycles_per_pixel,mtf\n0,1\n0.5,1\n", "not a table of ssn3d"),
        ("cycles_per_pixel,mtf,dqe\n0.1,1,1\n0.5,1,1\n", "does not rise from 0"),
        ("cycles_per_pixel,mtf,dqe\n0,1,1\n0.5,1,1\n0.4,1,1\n", "does not rise from 0"),
        ("cycles_per_pixel,mtf,dqe\n0,1,1\n0.5,1,0\n", "MTF or DQE is not positive"),
        ("cycles_per_pixel,mtf,dqe\n0,1,1\n0.2,1,1\n", "ends at 0.2 cycles .* binned by 2, 0.25"),
        ("cycles_per_pixel,mtf,dqe\n0,1,1\n0.5,x,1\n", "not a table of ssn3d"),
    ],
)
def test_invalid_detector_tables(tmp_path, content, fault):
    (tmp_path / "d.csv").write_text(content)
    with pytest.raises(DataError, match=rf"d\.csv: .*{fault}") as caught:
        read_detector_table(tmp_path / "d.csv", 2.0)
    assert "\n" not in str(caught.value)


def test_ideal_detector_noise_is_white():
    """MTF^2 / DQE is 1, while the built-in MTF damps the noise too."""
    tilt = {"min_deg": 0.0, "max_deg": 9.0}
    power = {}
    for mtf in ("sinc", {"file": str(IDEAL), "binning": 1.0}):
        detector = {"mtf": mtf, "noise_before_ctf_fraction": 0.0}
        noise = camera(tilt=tilt, detector=detector).unit_noise((128, 128), generator(0, "n"))
        spectrum = (np.abs(np.fft.rfft2(noise)) ** 2).mean(axis=0) / noise[0].size
        high = radial_frequency(128, 128, 1.0) > 0.45
        power[str(mtf)] = spectrum[high].mean()
    ours, ideal = power.values()
    assert ideal == pytest.approx(1, rel=0.05)
    assert ours < 0.6
