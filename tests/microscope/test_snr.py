"""The SNR of volumes whose SNR is known, and the noise scale that reaches a target."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from datasets import measure_snr, particles_of
from sections import changed, section
from ssn3d.core.background import Background
from ssn3d.core.classes import BACKGROUND, MACROMOLECULE, OTHER, class_of_kind
from ssn3d.core.cubes import crop, crop_corners
from ssn3d.core.errors import SNRError
from ssn3d.core.particles import Particles
from ssn3d.core.seeds import generator
from ssn3d.io.mrc import write_mrc
from ssn3d.io.particles.simulated import write_background, write_particles
from ssn3d.microscope.band_snr import signal_power
from ssn3d.microscope.calibration import calibration
from ssn3d.microscope.noise_scale import NoiseScale
from ssn3d.microscope.snr import (
    Sphere,
    aligned_crops,
    mean_pair_snr,
    reference_particles,
    region_mask,
    snr_of_crops,
)
from ssn3d.specimen.volume import Grid, render

SIZE = 24
SHAPE = (40, 160, 160)
SPHERE = Sphere(8.0, (0.0, 0.0, 0.0))


def draw_scene(molecule, spacing=32):
    """A grid of well separated copies of one molecule, rotated at random."""
    places = np.arange(20, 160 - 12, spacing, dtype=float)
    centres = np.array([(20.0, y, x) for y in places for x in places])
    centres += generator(0, "jitter").uniform(-0.5, 0.5, size=centres.shape)
    rotations = Rotation.random(len(centres), rng=generator(0, "turns")).as_matrix()
    particles = particles_of(centres, rotations=rotations)
    density, _ = render({"1AAA": molecule}, particles, SHAPE, Grid(10.0, 40.0), 20.0)
    return density, particles


@pytest.fixture(scope="module")
def scene(molecule):
    return draw_scene(molecule)


def smooth_noise(seed):
    """Noise that interpolation does not smooth further, by a Gaussian of one voxel."""
    k = np.sqrt(sum(f**2 for f in np.meshgrid(*(np.fft.fftfreq(n) for n in SHAPE), indexing="ij")))
    white = generator(seed, "noise").standard_normal(SHAPE)
    noise = np.fft.ifftn(np.fft.fftn(white) * np.exp(-2 * (np.pi * k) ** 2)).real
    return (noise / noise.std()).astype(np.float32)


def mean_variance(volume, particles, mask):
    """Mean variance inside a mask around each particle."""
    corners = crop_corners(particles.centres, SIZE)
    return np.mean([crop(volume, corner, SIZE)[mask].var() for corner in corners])


@pytest.mark.parametrize("snr", [2.0, 0.5, 0.2])
def test_known_snr_is_measured(scene, snr):
    """Variance of the signal over variance of the noise, inside the particle's sphere."""
    density, particles = scene
    mask = region_mask(SIZE, "particle", SPHERE)
    signal_variance = mean_variance(density, particles, mask)
    noise = smooth_noise(1) * np.sqrt(signal_variance / snr)
    measured = measure_snr((density + noise).astype(np.float32), particles, mask)
    # inside a sphere of a few correlation lengths the noise has less variance than overall
    expected = signal_variance / mean_variance(noise, particles, mask)
    # 25 particles of some 100 independent voxels each: a standard error near 10 %
    assert measured == pytest.approx(expected, rel=0.2)


def test_wrong_orientations(scene):
    density, particles = scene
    mask = region_mask(SIZE, "particle", SPHERE)
    volume = (density + smooth_noise(2) * density.std()).astype(np.float32)
    right = measure_snr(volume, particles, mask)
    turned = particles_of(particles.centres, rotations=particles.rotations.transpose(0, 2, 1))
    assert measure_snr(volume, turned, mask) < 0.7 * right


@pytest.mark.parametrize("region", ["cube", "particle"])
@pytest.mark.parametrize("target", [0.5, 0.06, 0.01])
def test_solved_scale_gives_target(scene, region, target):
    density, particles = scene
    mask = region_mask(SIZE, region, SPHERE)
    noise = smooth_noise(3)
    scale = NoiseScale(density, noise, particles, mask).solve(target)
    volume = (density + np.float32(scale) * noise).astype(np.float32)
    assert measure_snr(volume, particles, mask) == pytest.approx(target, rel=0.01)


def test_target_above_ceiling(molecule):
    density, particles = draw_scene(molecule, spacing=16)
    model = NoiseScale(density, smooth_noise(4), particles, region_mask(SIZE, "cube", SPHERE))
    ceiling = model.snr(0)
    with pytest.raises(SNRError, match=rf"SNR {2 * ceiling:g} is above .* noise, {ceiling:.3g}"):
        model.solve(2 * ceiling)


def test_reference_needs_two_inside(scene):
    _, particles = scene
    settings = section("snr", reference_id="1AAA", max_particles=5)
    assert len(reference_particles(particles, settings, SIZE, SHAPE)) == 5
    assert len(reference_particles(particles[:2], settings, SIZE, SHAPE)) == 2
    with pytest.raises(SNRError, match=r"snr\.reference_id: 1 subtomograms of 1AAA"):
        reference_particles(particles[:1], settings, SIZE, SHAPE)
    with pytest.raises(SNRError, match=r"snr\.reference_id: 0 subtomograms of 9ZZZ"):
        reference_particles(particles, changed(settings, reference_id="9ZZZ"), SIZE, SHAPE)


def test_region_masks():
    sphere = Sphere(5.0, (2.0, 0.0, -3.5))
    assert region_mask(8, "cube", sphere).all()
    mask = region_mask(21, "particle", sphere)
    assert mask.sum() == pytest.approx(4 / 3 * np.pi * 125, rel=0.06)
    assert np.argwhere(mask).mean(axis=0) == pytest.approx([12, 10, 6.5])


def test_mean_pair_snr():
    """Three crops with correlations 0.6, 0 and 0.8: (1.5 + 0 + 4) / 3, not that of the mean c."""
    crops = np.array([[1.0, 0, 0], [0.6, 0.8, 0], [0, 1, 0]])
    inner = crops @ crops.T
    scaled = inner * np.outer([1, 5, 2], [1, 5, 2])  # c does not depend on the scale
    assert mean_pair_snr(scaled) == pytest.approx(5.5 / 3)


def test_crops_are_correlated_without_means():
    """Noise on a large mean: unless it is subtracted, c is near 1."""
    crops = generator(0, "crops").standard_normal((4, 8, 8, 8), dtype=np.float32)
    mask = region_mask(8, "particle", Sphere(3.5, (0.0, 0.0, 0.0)))
    expected = np.corrcoef(crops[:, mask])[np.triu_indices(4, k=1)]
    shifted = crops + 100 * np.arange(1, 5, dtype=np.float32)[:, None, None, None]
    snr = snr_of_crops(shifted, mask)
    assert snr == pytest.approx(np.mean(expected / (1 - expected)), abs=1e-4)


def test_degenerate_crops_have_finite_snr():
    crop = generator(0, "crop").standard_normal((6, 6, 6), dtype=np.float32)
    mask = region_mask(6, "cube", SPHERE)
    assert 1e9 < snr_of_crops(np.stack([crop, 3 * crop]), mask) < 1e15
    assert snr_of_crops(np.stack([crop, -2 * crop]), mask) == pytest.approx(-0.5)
    assert snr_of_crops(np.stack([crop, np.full_like(crop, 7)]), mask) == 0
    rounded_up = np.array([[1.0, 1 + 1e-15], [1 + 1e-15, 1.0]])
    assert 1e9 < mean_pair_snr(rounded_up) < 1e15


def two_crops(c):
    """Two unrotated particles in tiny cubes: equal signals, and noise with a correlation of c."""
    size = 6
    pair = particles_of([[3, 3, 3], [3, 3, 13]])
    signal, noise = np.zeros((2, size, size, 20), dtype=np.float32)
    own = generator(0, "s").standard_normal((size,) * 3, dtype=np.float32)
    for corner, crop_ in zip((0, 10), correlated_noise(c), strict=True):
        signal[:, :, corner : corner + size] = own
        noise[:, :, corner : corner + size] = crop_
    return signal, noise, pair, region_mask(size, "cube", SPHERE)


def correlated_noise(c):
    """Two noise crops with a correlation of c."""
    one, other = generator(5, "n").standard_normal((2, 6, 6, 6)).reshape(2, -1)
    one -= one.mean()
    other -= other.mean()
    other -= one * (other @ one) / (one @ one)
    other *= np.linalg.norm(one) / np.linalg.norm(other)
    return one.reshape((6,) * 3), (c * one + np.sqrt(1 - c**2) * other).reshape((6,) * 3)


def test_target_below_noise_correlation():
    model = NoiseScale(*two_crops(0.2))  # SNR 0.25
    words = "SNR 0.1 is below that of noise alone, 0.25, .* the 2 reference .*snr.max_particles"
    with pytest.raises(SNRError, match=words):
        model.solve(0.1)
    assert model.snr(model.solve(0.3)) == pytest.approx(0.3, rel=1e-4)


@pytest.mark.parametrize("c", [-0.9, 0.0])
def test_noise_is_scaled_to_target(c):
    model = NoiseScale(*two_crops(c))
    for target in (1e6, 0.5, 0.001):
        assert model.snr(model.solve(target)) == pytest.approx(target, rel=1e-3)


def test_empty_signal():
    signal, noise, pair, mask = two_crops(0.0)
    with pytest.raises(SNRError, match="of the tomogram without noise, 0,"):
        NoiseScale(0 * signal, noise, pair, mask).solve(0.1)


def test_calibration_curve():
    model = NoiseScale(*two_crops(0.0))
    scales, snrs = np.array(model.curve(3.0)).T
    assert scales[0] == 0
    assert snrs[0] == model.snr(0)
    assert (scales[1], scales[-1]) == pytest.approx((0.3, 30))
    np.testing.assert_allclose(np.diff(np.log(scales[1:])), np.log(100) / 24)
    assert snrs[13] == pytest.approx(model.snr(3.0))


def test_crops_are_aligned(scene, molecule):
    """Each crop of a scene without noise is the unrotated molecule."""
    density, particles = scene
    own, _ = render(
        {"1AAA": molecule}, particles_of([[12, 12, 12]]), (SIZE,) * 3, Grid(10.0, 40.0), 20.0
    )
    mask = region_mask(SIZE, "particle", SPHERE)
    crops = aligned_crops(density, particles[:6], SIZE)
    for turned in crops:
        assert np.corrcoef(turned[mask], own[mask])[0, 1] > 0.995
    # a constant background is subtracted before the rotation, or the corners would differ
    shifted = aligned_crops(density + 500, particles[:6], SIZE)
    np.testing.assert_allclose(shifted, crops, atol=0.01 * crops.max())


def test_membrane_proteins_are_macromolecules_of_the_band(tmp_path):
    """As a network labels them in a tomogram; gold is neither signal nor background."""
    labels = np.zeros((64, 64, 64), np.uint16)
    away = np.indices(labels.shape).T - np.array([[[[20, 20, 20]]]])
    for label in (1, 2, 3):
        labels[(((away - 12 * (label - 1)) ** 2).sum(axis=-1) <= 25).T] = label
    signal = -np.array([0, 1, 2, 9], np.float32)[labels]
    write_mrc(tmp_path / "labels.mrc", labels, 10.0)
    centres, no_turn = np.full((1, 3), 20.0), np.eye(3)[None]
    write_particles(tmp_path / "p.star", Particles(np.array(["1AAA"]), centres, no_turn), "t", 10.0)
    settings = section("snr", reference_id="band")
    files = {"particles": tmp_path / "p.star", "labels": tmp_path / "labels.mrc"}
    files |= {"specimen": tmp_path / "none.json", "ground": tmp_path / "ground.star"}
    noise = generator(0, "band").standard_normal(labels.shape, dtype=np.float32)
    found = {}
    for kind in ("membrane protein", "fiducial"):
        kinds = np.array([kind, "fiducial"])
        background = Background(kinds, np.full((2, 3), 32.0), np.full(2, 100.0))
        write_background(files["ground"], background, 2, "t")
        model = calibration((signal, noise), files, settings, 32, 10.0).model
        classes = np.array([BACKGROUND, MACROMOLECULE, class_of_kind(kind), OTHER], np.uint8)[
            labels
        ]
        found[kind] = model.of_unit_noise
        assert found[kind] == pytest.approx(signal_power(signal, classes, 10.0) / noise.var())
    assert found["membrane protein"] > 1.5 * found["fiducial"]
