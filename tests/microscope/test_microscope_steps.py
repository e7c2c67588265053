"""The stage on files: the content of tilt series, tomograms and summaries."""

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from datasets import measure_snr, particles_of
from sections import changed, preset, section
from small_workflow import REPOSITORY
from ssn3d.core.background import Background
from ssn3d.core.errors import DataError, SNRError
from ssn3d.core.seeds import generator
from ssn3d.io.files import read_json, write_json
from ssn3d.io.mrc import read_mrc, write_mrc
from ssn3d.io.particles.simulated import write_background, write_particles
from ssn3d.microscope.acquisition import read_acquisition
from ssn3d.microscope.ctf import ctf
from ssn3d.microscope.padding import Padding
from ssn3d.microscope.projector import Projector
from ssn3d.microscope.reconstruct import reconstruct
from ssn3d.microscope.snr import Sphere, region_mask
from ssn3d.microscope.steps import add_noise, check_snr, image_specimen
from ssn3d.microscope.variance_snr import particles_inside
from ssn3d.specimen.volume import Grid, render

FILES = (
    "signal.mrc", "tilts.mrc", "acquisition.json", "particles.star", "specimen.json", "labels.mrc",
    "ground.star",
)  # fmt: skip
SHAPE, SIZE, VOXEL = (40, 72, 72), 16, 10.0
REALISTIC = preset("realistic").microscope
VARIED = preset("varied").microscope
SETTINGS = section("microscope", device="cpu", tilt={"step_deg": 4.0})
OPTICS = SETTINGS.optics
SPHERE = Sphere(6.0, (1.0, 0.0, -1.0))
TARGET = 0.1
SUMMARY = {
    "bounding_radius_voxels": {"1AAA": SPHERE.radius_voxels},
    "bounding_centre_voxels": {"1AAA": list(SPHERE.centre_voxels)},
    "numbers": {"ice.thickness_angstrom": 2000.0, "ice.tilt_about_y_deg": 5.0},
}


def imaged(folder, density, settings=SETTINGS, detector_table=None):
    """Image a density; return its tilt series and its tomogram."""
    write_mrc(folder / "density.mrc", density, VOXEL)
    write_json(folder / "specimen.json", SUMMARY)
    image_specimen(
        folder / "density.mrc",
        settings,
        3,
        "t1",
        specimen=folder / "specimen.json",
        acquisition=folder / "acquisition.json",
        detector_table=detector_table,
        tilts=folder / "tilts.mrc",
        signal=folder / "signal.mrc",
    )
    return read_mrc(folder / "tilts.mrc"), read_mrc(folder / "signal.mrc")


def noisy(
    folder, name="A", target=TARGET, region="cube", settings=SETTINGS, reference="1AAA", halves=()
):
    """Add noise to the files of a folder; return the summary."""
    add_noise(
        {Path(file).stem: folder / file for file in FILES},
        settings,
        section("snr", reference_id=reference, region=region, max_particles=12),
        size_voxels=SIZE,
        target=target,
        seed=3,
        keys=("t1", name),
        tomogram=folder / f"{name}.mrc",
        tilts=folder / f"{name}_tilts.mrc",
        summary=folder / f"{name}.json",
        **{half: folder / f"{name}_{half}.mrc" for half in halves},
    )
    return read_json(folder / f"{name}.json")


@pytest.fixture(scope="module")
def particles():
    """A grid of copies in the middle of the volume, rotated at random."""
    places = np.arange(18.0, 60.0, 12.0)
    centres = np.array([(20.0, y, x) for y in places for x in places])
    rotations = Rotation.random(len(centres), rng=generator(0, "turns")).as_matrix()
    return particles_of(centres, rotations=rotations)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, molecule, particles):
    """A folder with a specimen, its images, and dataset A."""
    folder = tmp_path_factory.mktemp("microscope")
    small = (molecule[0] * 0.6, molecule[1])
    density, labels = render({"1AAA": small}, particles, SHAPE, Grid(VOXEL, 40.0), 20.0)
    imaged(folder, density)
    write_mrc(folder / "labels.mrc", labels, VOXEL)
    write_particles(folder / "particles.star", particles, "t1", VOXEL)
    nothing = Background(np.empty(0, np.str_), np.empty((0, 3)), np.empty(0))
    write_background(folder / "ground.star", nothing, len(particles) + 1, "t1")
    noisy(folder)
    return folder


def test_constant_slab_has_no_border(tmp_path):
    slab = np.full(SHAPE, 50.0, dtype=np.float32)
    slab[18:22, 34:38, 34:38] += 1  # something to see
    (images, voxel_size), (signal, _) = imaged(tmp_path, slab)
    assert voxel_size == VOXEL
    middle = np.abs(images[:, 30:42, 30:42]).max()
    assert np.abs(images[:, 30:42, :6]).max() < 0.1 * middle
    assert np.abs(signal[:, :, :6]).max() < 0.1 * np.abs(signal).max()


def test_images_are_projections_times_ctf_and_mtf(folder):
    density, _ = read_mrc(folder / "density.mrc")
    images, _ = read_mrc(folder / "tilts.mrc")
    projection = (density - density.mean()).sum(axis=0)  # at tilt 0
    padded = np.pad(projection, 36, mode="reflect")
    y, x = np.meshgrid(*[np.fft.fftfreq(144, VOXEL)] * 2, indexing="ij")
    frequency = np.hypot(y, x)
    modulation = np.sinc(frequency * VOXEL)  # sinc(w / 2), w = frequency / (1 / (2 * VOXEL))
    factor = ctf(frequency, OPTICS, 5.0) * modulation
    expected = np.fft.ifft2(np.fft.fft2(padded) * factor).real[36:-36, 36:-36]
    np.testing.assert_allclose(images[15], expected, atol=2e-3 * np.abs(expected).max())


def test_recorded_snr(folder, particles):
    record = read_json(folder / "A.json")
    tomogram, _ = read_mrc(folder / "A.mrc")
    clean, _ = read_mrc(folder / "signal.mrc")
    reference = particles[:12]
    assert record["snr_asked"] == TARGET
    assert record["snr_measured"] == pytest.approx(TARGET, rel=0.01)
    for region in ("cube", "particle"):
        mask = region_mask(SIZE, region, SPHERE)
        measured = measure_snr(tomogram, reference, mask)
        assert record["snr_by_region"][region] == pytest.approx(measured, rel=1e-4)
    assert record["snr_by_region"]["cube"] == record["snr_measured"]
    ceiling = measure_snr(clean, reference, region_mask(SIZE, "cube", SPHERE))
    assert record["snr_without_noise"] == pytest.approx(ceiling, rel=1e-4)
    assert record["reference_particles"] == 12
    assert record["region"] == "cube"
    assert record["seconds"] > 0
    assert record["provenance"]["seed"] == 3
    assert record["provenance"]["settings"]["reference_id"] == "1AAA"
    assert record["provenance"]["settings"]["optics"]["defocus_um"] == 5.0
    curve = dict(record["calibration"])
    assert curve[0] == record["snr_without_noise"]
    assert min(curve, key=lambda s: abs(curve[s] - TARGET)) == pytest.approx(
        record["noise_scale"], rel=0.15
    )


def test_plain_microscope_is_unchanged(folder):
    """Tilt series and tomogram, from the projections and the noise's random numbers."""
    density, _ = read_mrc(folder / "density.mrc")
    density -= density.mean(dtype=np.float64)
    projector = Projector(SHAPE[0], SHAPE[2], SETTINGS.tilt.angles_deg)
    images = projector.project(density)
    padding = Padding((72, 72), (120, 120))
    frequency = padding.frequency(VOXEL)
    contrast, modulation = ctf(frequency, OPTICS, 5.0), np.sinc(frequency / (0.5 / VOXEL) / 2)
    signal = torch.from_numpy((contrast * modulation).astype(np.float32))
    for low in range(0, len(images), 8):
        batch = torch.from_numpy(images[low : low + 8])
        images[low : low + 8] = padding.transfer(batch, signal).numpy()
    amplitude = modulation * np.sqrt(0.5 * contrast**2 + 1 - 0.5)
    rng, noise = generator(3, "noise", "t1", "A"), np.empty_like(images)
    for image in noise:
        white = torch.from_numpy(rng.standard_normal((120, 120), dtype=np.float32))
        spectrum = torch.from_numpy(amplitude.astype(np.float32))
        image[:] = padding.multiply_spectrum(white, spectrum).numpy()
    scale = np.float32(read_json(folder / "A.json")["noise_scale"])
    clean = reconstruct(images, projector, 4.0)
    tomogram = clean + scale * reconstruct(noise, projector, 4.0)
    np.testing.assert_array_equal(images, read_mrc(folder / "tilts.mrc")[0])
    np.testing.assert_array_equal(clean, read_mrc(folder / "signal.mrc")[0])
    np.testing.assert_array_equal(images + scale * noise, read_mrc(folder / "A_tilts.mrc")[0])
    np.testing.assert_array_equal(tomogram, read_mrc(folder / "A.mrc")[0])


@pytest.fixture(scope="module")
def realistic(folder, tmp_path_factory):
    """The same specimen with all options on: its folder, settings and summary."""
    other = tmp_path_factory.mktemp("realistic")
    (other / "particles.star").write_bytes((folder / "particles.star").read_bytes())
    settings = changed(REALISTIC, device="cpu", tilt={"step_deg": 4.0})
    density, _ = read_mrc(folder / "density.mrc")
    imaged(other, density, settings, REPOSITORY / "resources" / "ideal_detector.csv")
    return other, settings, noisy(other, settings=settings)


def test_realistic_target_snr_is_reached(realistic, particles):
    folder, _, record = realistic
    tomogram, _ = read_mrc(folder / "A.mrc")
    measured = measure_snr(tomogram, particles[:12], region_mask(SIZE, "cube", SPHERE))
    assert record["snr_measured"] == pytest.approx(TARGET, rel=0.01)
    assert measured == pytest.approx(TARGET, rel=0.01)
    assert 80 < record["provenance"]["numbers"]["dose.total_e_per_angstrom2"] < 140


def test_realistic_noise_per_tilt(realistic):
    folder, _, record = realistic
    clean, noisy_tilts = (read_mrc(folder / f"{n}.mrc")[0] for n in ("tilts", "A_tilts"))
    taken = read_acquisition(folder / "acquisition.json")
    variance = (noisy_tilts - clean).var(axis=(1, 2)) / record["noise_scale"] ** 2
    steep, flat = variance[[0, 1, -2, -1]].mean(), variance[13:18].mean()
    ratios = [
        values[[0, 1, -2, -1]].mean()
        for values in (taken.tilts.noise_variance_before_ctf, taken.tilts.noise_variance_after_ctf)
    ]
    assert min(ratios) * 0.9 < steep / flat < max(ratios) * 1.1


@pytest.fixture(scope="module")
def varied(folder, tmp_path_factory):
    """The same specimen, everything drawn, without a reference: its folder and summary."""
    other = tmp_path_factory.mktemp("varied")
    (other / "particles.star").write_bytes((folder / "particles.star").read_bytes())
    steps = VARIED.finish.model_dump().items()
    certain = {step: {**values, "probability": 1.0} for step, values in steps}
    settings = changed(VARIED, device="cpu", tilt={"step_deg": [3.0, 5.0]}, finish=None)
    settings = changed(settings, ctf_correction="phase_flip", half_tomograms=True)
    density, _ = read_mrc(folder / "density.mrc")
    imaged(other, density, settings)
    words = {"settings": settings, "reference": "any", "halves": ("even", "odd")}
    plain = noisy(other, "B", [0.05, 0.2], **words)
    words["settings"] = changed(settings, finish=certain)
    finished = noisy(other, "C", [0.05, 0.2], **words)
    return other, plain, finished


def test_varied_tilts_are_those_of_the_acquisition(varied):
    folder, _, _ = varied
    angles = read_acquisition(folder / "acquisition.json").tilts.angle_deg
    for name in ("tilts", "B_tilts"):
        assert len(read_mrc(folder / f"{name}.mrc")[0]) == len(angles)
    assert not np.allclose(np.diff(angles), np.diff(angles)[0])  # some are left out


def test_half_tomograms_average_to_the_whole(varied):
    folder, _, _ = varied
    whole, even, odd = (read_mrc(folder / f"{n}.mrc")[0] for n in ("B", "B_even", "B_odd"))
    assert np.linalg.norm((even + odd) / 2 - whole) < 1e-5 * np.linalg.norm(whole)
    assert np.corrcoef(even.ravel(), odd.ravel())[0, 1] < 0.9


def test_finish_follows_noise(varied):
    folder, _, record = varied
    assert set(record["finish"]) == {"high_pass", "deconvolution", "low_pass", "quantisation"}
    finished = read_mrc(folder / "C.mrc")[0]
    assert {*np.unique(finished)} <= {*range(256)}
    assert read_mrc(folder / "C_even.mrc")[0].min() < 0
    assert record["choices"]["ctf_correction"] == "phase_flip"


def test_snr_without_reference(folder, varied):
    _, plain, finished = varied
    assert plain["snr_asked"] != finished["snr_asked"]
    for record in (plain, finished):
        assert 0.05 < record["snr_asked"] < 0.2
        assert record["snr_measured"] == pytest.approx(record["snr_asked"], rel=0.01)
        assert record["snr_without_noise"] is None
    pairs, variances = read_json(folder / "A.json"), noisy(folder, "V", reference="any")
    for region in ("cube", "particle"):  # at the same noise
        same_noise = (variances["noise_scale"] / pairs["noise_scale"]) ** 2
        ratio = variances["snr_by_region"][region] * same_noise / pairs["snr_by_region"][region]
        assert 0.3 < ratio < 10
    in_band = noisy(folder, "M", reference="band")
    assert in_band["region"] == "band"
    assert in_band["snr_measured"] == pytest.approx(TARGET, rel=0.01)
    outside = particles_of(np.full((1, 3), -5.0))
    with pytest.raises(SNRError, match=r"snr\.reference_id: no particle .*specimen\.particles"):
        particles_inside(outside, 5, SHAPE)


def test_misalignment_lowers_snr(folder, realistic):
    record = read_json(folder / "A.json")
    assert realistic[2]["snr_without_noise"] < record["snr_without_noise"]


def test_datasets_have_independent_noise(folder):
    record = noisy(folder, "B", region="particle")
    assert record["region"] == "particle"
    assert record["snr_measured"] == record["snr_by_region"]["particle"]
    assert record["snr_measured"] == pytest.approx(TARGET, rel=0.01)
    clean, _ = read_mrc(folder / "tilts.mrc")
    first, second = (read_mrc(folder / f"{name}_tilts.mrc")[0] - clean for name in "AB")
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.02


def test_tilts_of_another_microscope(folder, tmp_path):
    for name in FILES:
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    write_mrc(tmp_path / "tilts.mrc", np.zeros((30, 72, 72), np.float32), VOXEL, stack=True)
    with pytest.raises(DataError, match=r"tilts\.mrc: shape \(30, 72, 72\), expected \(31,"):
        noisy(tmp_path)


def test_check_snr():
    for near in (0.096, 0.104):
        check_snr(near, 0.1)
    for measured in (float("nan"), 0.0, 0.094, 0.106):
        with pytest.raises(SNRError, match=r"snr\.datasets: .* instead of the target 0\.1; "):
            check_snr(measured, 0.1)
