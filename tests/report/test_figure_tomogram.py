import numpy as np
import pytest
from matplotlib.figure import Figure

from sections import section
from ssn3d.core.errors import DataError
from ssn3d.io.files import write_json
from ssn3d.io.mrc import write_mrc
from ssn3d.microscope.acquisition import sample_acquisition, write_acquisition
from ssn3d.report.figures import tomogram as figure_tomogram
from ssn3d.report.figures.tomogram import (
    draw_labels,
    draw_spectrum,
    power_spectrum_kz_kx,
    tomogram_picture,
)

SHAPE = (32, 40, 48)


def noise_seen_by_tilts(max_tilt_deg):
    """Make white noise with a missing wedge about y."""
    spectrum = np.fft.fftn(np.random.default_rng(0).normal(size=SHAPE))
    kz, _, kx = np.meshgrid(*(np.fft.fftfreq(n) for n in SHAPE), indexing="ij")
    spectrum[np.abs(kz) > np.tan(np.radians(max_tilt_deg)) * np.abs(kx)] = 0
    return np.fft.ifftn(spectrum).real.astype(np.float32)


def test_spectrum_shows_wedge():
    power = power_spectrum_kz_kx(noise_seen_by_tilts(60))
    assert power.shape == (32, 48)
    seen = power[16 - 1 : 16 + 2, 24 + 12 : 24 + 20].mean()  # along kx
    unseen = power[16 + 10 : 16 + 15, 24 - 1 : 24 + 2].mean()  # along kz
    assert unseen < 0.01 * seen


def test_spectrum_of_wave():
    z, _, x = np.indices(SHAPE)
    power = power_spectrum_kz_kx(np.cos(2 * np.pi * (4 * z / 32 + 9 * x / 48)).astype(np.float32))
    peaks = np.argwhere(power > 0.9 * power.max()) - [16, 24]
    assert sorted(map(tuple, peaks)) == [(-4, -9), (4, 9)]


@pytest.mark.parametrize(
    ("tilt_deg", "kx", "kz"), [(60, 0.5 / np.sqrt(3), 0.5), (30, 0.5, 0.5 / np.sqrt(3))]
)
def test_wedge_lines(tilt_deg, kx, kz):
    axes = Figure().subplots()
    draw_spectrum(axes, np.ones(SHAPE[::2], dtype=np.float32), 10.0, (-40.0, tilt_deg))
    low, high = np.array([line.get_xydata()[1] for line in axes.lines])
    np.testing.assert_allclose(high, [kx, kz])
    np.testing.assert_allclose(low, [0.5, -0.5 * np.tan(np.radians(40))])
    left, right, bottom, top = axes.images[0].get_extent()
    # frequency 0 is the centre of pixel n // 2
    assert left + (24 + 0.5) * (right - left) / 48 == pytest.approx(0)
    assert bottom + (16 + 0.5) * (top - bottom) / 32 == pytest.approx(0)
    assert (right - left, top - bottom) == pytest.approx((1, 1))  # 1 nm voxels


def test_label_outlines():
    labels = np.zeros((20, 30), dtype=np.uint16)
    labels[4:9, 10:16] = 7
    labels[4:9, 16:22] = 8  # a neighbour that touches it
    axes = Figure().subplots()
    axes.imshow(labels, extent=(0, 3, 0, 2), origin="lower")
    draw_labels(axes, labels)
    alpha = np.asarray(axes.images[1].get_array())[..., 3]
    assert axes.images[1].get_extent() == axes.images[0].get_extent()
    assert not alpha[labels == 0].any()
    assert not alpha[5:8, 11:15].any()  # the inside stays to be seen
    assert alpha[4:9, [10, 15, 16, 21]].all()  # the border between neighbours too


def test_tomogram_panels():
    rng = np.random.default_rng(1)
    clean, noisy = rng.normal(size=(2, *SHAPE)).astype(np.float32)
    labels = np.zeros(SHAPE, dtype=np.uint16)
    labels[10:20, 10:20, 10:20] = 1
    figure = tomogram_picture(
        clean, noisy, labels, noisy[0], name="t1, dataset A, SNR 0.5", tilt_deg=0.0,
        tilt_range_deg=(-60.0, 60.0), voxel_size_angstrom=10.0,
    )  # fmt: skip
    assert len(figure.axes) == 12
    titles = [axes.get_title() for axes in figure.axes if axes.get_title()]
    assert titles == [
        "noise-free", "with noise", "true outlines", "tilt image at 0°",
        "log power, noise-free", "log power, with noise",
    ]  # fmt: skip
    by_label = {(a.get_title(), a.get_xlabel()): a for a in figure.axes}
    shown = by_label["with noise", "x (nm)"].images[0].get_array()
    np.testing.assert_array_equal(shown, noisy[16])
    middle = by_label["true outlines", "x (nm)"]
    assert len(middle.images) == 2
    assert middle.get_xlim() == by_label["with noise", "x (nm)"].get_xlim()  # small: all of it
    figure.draw_without_rendering()
    boxes = [axes.get_tightbbox() for axes in figure.axes]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_large_tomogram_is_cropped():
    volume = np.random.default_rng(1).normal(size=(16, 60, 80)).astype(np.float32)
    figure = tomogram_picture(
        volume, volume, np.zeros(volume.shape, dtype=np.uint16), volume[0], name="t1",
        tilt_deg=0.0, tilt_range_deg=(-60.0, 60.0), voxel_size_angstrom=50.0,
    )  # fmt: skip
    (middle,) = [axes for axes in figure.axes if axes.get_title() == "true outlines"]
    left, right = middle.get_xlim()
    assert right - left == pytest.approx(150)
    assert (left + right) / 2 == pytest.approx(200 - 2.5)  # voxel 0 is centred on 0


def test_tilt_nearest_zero_is_shown(tmp_path, monkeypatch):
    files = {name: tmp_path / f"{name}.mrc" for name in ("signal", "tomogram", "labels", "tilts")}
    for name in ("signal", "tomogram", "labels"):
        write_mrc(files[name], np.zeros(SHAPE, dtype=np.float32), 10.0)
    stack = np.broadcast_to(np.arange(6, dtype=np.float32)[:, None, None], (6, *SHAPE[1:]))
    write_mrc(files["tilts"], stack, 10.0, stack=True)
    shown = []
    monkeypatch.setattr(
        figure_tomogram, "tomogram_picture", lambda *a, **k: shown.append((a[3], k))
    )
    monkeypatch.setattr(figure_tomogram, "save", lambda *_: None)
    settings = section("microscope", tilt={"min_deg": -25.0, "max_deg": 50.0, "step_deg": 15.0})
    files["acquisition"] = tmp_path / "acquisition.json"  # -25, -10, 5, 20, 35, 50
    write_acquisition(files["acquisition"], sample_acquisition(settings, 1, "t1"), settings, 1)
    files["summary"] = tmp_path / "A.json"
    write_json(files["summary"], {"snr_asked": 0.3})  # drawn by this tomogram, from a range
    figure_tomogram.draw_tomogram(files, "t1", figure=tmp_path / "figure.png")
    ((image, words),) = shown
    assert words["name"] == "t1, SNR 0.3"
    assert (image == 2).all()
    assert (words["tilt_deg"], words["tilt_range_deg"]) == (5, (-25, 50))
    write_mrc(files["tilts"], stack[:5], 10.0, stack=True)
    with pytest.raises(DataError, match=r"tilts\.mrc: shape \(5, 40, 48\), expected \(6,"):
        figure_tomogram.draw_tomogram(files, "name", figure=tmp_path / "figure.png")
