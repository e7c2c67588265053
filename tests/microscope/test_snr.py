"""The SNR of volumes whose SNR is known, and the noise scale that reaches a target."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from ssn3d.crops import crop, crop_corners
from ssn3d.errors import SNRError
from ssn3d.microscope.noise_scale import NoiseScale
from ssn3d.microscope.snr import (
    SNRSettings,
    Sphere,
    measure_snr,
    reference_particles,
    region_mask,
)
from ssn3d.particles import Particles
from ssn3d.seeds import generator
from ssn3d.specimen.volume import Grid, render

SIZE = 24
SHAPE = (40, 160, 160)
SPHERE = Sphere(8.0, (0.0, 0.0, 0.0))


def scene(molecule, spacing=32):
    """A grid of well separated copies of one molecule, each turned at random."""
    places = np.arange(20, 160 - 12, spacing, dtype=float)
    centres = np.array([(20.0, y, x) for y in places for x in places])
    centres += generator(0, "jitter").uniform(-0.5, 0.5, size=centres.shape)
    rotations = Rotation.random(len(centres), rng=generator(0, "turns")).as_matrix()
    particles = Particles(np.full(len(centres), "1AAA"), centres, rotations)
    density, _ = render({"1AAA": molecule}, particles, SHAPE, Grid(10.0, 40.0), 20.0)
    return density, particles


def smooth_noise(seed, sigma=1.0):
    """Noise that interpolation does not smooth further."""
    k = np.sqrt(sum(f**2 for f in np.meshgrid(*(np.fft.fftfreq(n) for n in SHAPE), indexing="ij")))
    white = generator(seed, "noise").standard_normal(SHAPE)
    noise = np.fft.ifftn(np.fft.fftn(white) * np.exp(-2 * (np.pi * sigma * k) ** 2)).real
    return (noise / noise.std()).astype(np.float32)


def mean_variance(volume, particles, mask):
    """Mean variance inside a mask around each particle."""
    corners = crop_corners(particles.centres, SIZE)
    return np.mean([crop(volume, corner, SIZE)[mask].var() for corner in corners])


@pytest.mark.parametrize("snr", [2.0, 0.5, 0.2])
def test_known_snr_is_measured(molecule, snr):
    """Variance of the signal over variance of the noise, inside the particle's sphere."""
    density, particles = scene(molecule)
    mask = region_mask(SIZE, "particle", SPHERE)
    signal_variance = mean_variance(density, particles, mask)
    noise = smooth_noise(1) * np.sqrt(signal_variance / snr)
    measured = measure_snr((density + noise).astype(np.float32), particles, mask)
    # inside a sphere of a few correlation lengths the noise has less variance than overall
    expected = signal_variance / mean_variance(noise, particles, mask)
    # 25 particles of some 100 independent voxels each: a standard error near 10 %
    assert measured == pytest.approx(expected, rel=0.2)


def test_wrong_orientations_lose_the_signal(molecule):
    density, particles = scene(molecule)
    mask = region_mask(SIZE, "particle", SPHERE)
    volume = (density + smooth_noise(2) * density.std()).astype(np.float32)
    right = measure_snr(volume, particles, mask)
    turned = Particles(
        particles.pdb_ids, particles.centres, particles.rotations.transpose(0, 2, 1).copy()
    )
    assert measure_snr(volume, turned, mask) < 0.7 * right


@pytest.mark.parametrize("region", ["cube", "particle"])
@pytest.mark.parametrize("target", [0.5, 0.06, 0.01])
def test_the_solved_scale_gives_the_target(molecule, region, target):
    density, particles = scene(molecule)
    mask = region_mask(SIZE, region, SPHERE)
    noise = smooth_noise(3)
    scale = NoiseScale(density, noise, particles, mask).solve(target)
    volume = (density + np.float32(scale) * noise).astype(np.float32)
    assert measure_snr(volume, particles, mask) == pytest.approx(target, rel=0.01)


def test_a_target_above_the_ceiling_names_both_numbers(molecule):
    density, particles = scene(molecule, spacing=16)
    model = NoiseScale(density, smooth_noise(4), particles, region_mask(SIZE, "cube", SPHERE))
    ceiling = model.snr(0)
    with pytest.raises(SNRError, match=rf"{2 * ceiling:g} was asked for.*has {ceiling:.3g}"):
        model.solve(2 * ceiling)


def test_reference_needs_two_inside(molecule):
    _, particles = scene(molecule)
    settings = SNRSettings("1AAA", "cube", 5)
    assert len(reference_particles(particles, settings, SIZE, SHAPE)) == 5
    with pytest.raises(SNRError, match=r"snr\.reference_id: 0 subtomograms of 9ZZZ"):
        reference_particles(particles, SNRSettings("9ZZZ", "cube", 5), SIZE, SHAPE)


def test_region_masks():
    sphere = Sphere(5.0, (2.0, 0.0, -3.5))
    assert region_mask(8, "cube", sphere).all()
    mask = region_mask(21, "particle", sphere)
    assert mask.sum() == pytest.approx(4 / 3 * np.pi * 125, rel=0.06)
    assert np.argwhere(mask).mean(axis=0) == pytest.approx([12, 10, 6.5])
