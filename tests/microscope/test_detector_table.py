"""A detector's table: read, binned, refused where it is none, and seen in signal and noise."""

import numpy as np
import pytest

from cameras import camera
from small_workflow import REPOSITORY
from ssn3d.core.errors import DataError
from ssn3d.core.seeds import generator
from ssn3d.microscope.ctf import radial_frequency
from ssn3d.microscope.detector_table import read_detector_table

IDEAL = REPOSITORY / "resources" / "ideal_detector.csv"


def test_ideal_detector():
    cycles = np.linspace(0, 0.5, 101)
    mtf, dqe = read_detector_table(IDEAL, 1.0).at(cycles)
    np.testing.assert_allclose(mtf, np.sinc(cycles), atol=5e-4)
    np.testing.assert_allclose(dqe, np.sinc(cycles) ** 2, atol=5e-4)


def test_binning():
    mtf, _ = read_detector_table(IDEAL, 4.0).at(np.array([0.5]))
    assert mtf.item() == pytest.approx(np.sinc(0.125), abs=1e-3)


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
