"""Standardisation of whole tomograms: gold and vacuum hardly change it."""

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st
from scipy import ndimage

from ssn3d.core.errors import DataError
from ssn3d.core.seeds import generator
from ssn3d.core.standard import block_parts, standard_scale, standardise_volume


def cell(shape, particles_per_block, snr, seed=0):
    """Make dark particles with a point spread in noise, as reconstructions have."""
    rng = generator(seed, "cell")
    count = round(particles_per_block * np.prod(shape) / 40**3)
    points = np.zeros(shape, np.float32)
    points[tuple(rng.integers(0, np.array(shape)[:, None], (3, count)))] = -1
    signal = ndimage.gaussian_filter(points, 4) - ndimage.gaussian_filter(points, 9)
    noise = ndimage.gaussian_filter(rng.standard_normal(shape, np.float32), 0.6)
    return signal / signal.std() * np.sqrt(snr), noise / noise.std()


def with_gold(volume, places, radius=5):
    """Add beads of 100 A with bright fringes and streaks, 40 times as dense as the noise."""
    gold = np.zeros(volume.shape, np.float32)
    grid = np.indices((2 * radius + 1,) * 3) - radius
    ball = ((grid**2).sum(axis=0) <= radius**2).astype(np.float32)
    for place in places:
        gold[tuple(slice(c - radius, c + radius + 1) for c in place)] = ball
    fringe = ndimage.gaussian_filter(gold, 6) - gold
    return volume + 40 * fringe.astype(np.float32)


@pytest.mark.parametrize("snr", [0.01, 3.0])
@pytest.mark.parametrize("particles", [1, 15])
def test_gold_and_vacuum(snr, particles):
    """Noise is weaker by a quarter in vacuum, which has no particles."""
    shape = (80, 160, 160)
    signal, noise = cell(shape, particles, snr)
    plain = standard_scale(signal + noise)
    beads = [(40, 40, 40), (30, 120, 60), (50, 70, 110)]
    gold = standard_scale(with_gold(signal + noise, beads))
    assert gold.scale == pytest.approx(plain.scale, rel=0.05)
    assert abs(gold.middle - plain.middle) < 0.05 * plain.scale
    vacuum = 0.75 * np.roll(noise, 17, axis=1) + 0.3
    half = standard_scale(np.concatenate([vacuum[:40], signal + noise, vacuum[40:]]))
    assert half.scale == pytest.approx(plain.scale, rel=0.15)
    assert abs(half.middle - plain.middle) < 0.3 * plain.scale


@hypothesis.settings(max_examples=20)
@hypothesis.given(st.tuples(*[st.integers(5, 90)] * 3), st.floats(-1e4, 1e4), st.floats(1e-3, 1e3))
def test_offset_and_scale_of_file(shape, offset, factor):
    """A tomogram is standardised to the same values whatever the units of its file."""
    volume = generator(0, "volume").standard_normal(shape, np.float32)
    other = (offset + factor * volume.astype(np.float64)).astype(np.float64)
    one, two = standard_scale(volume), standard_scale(other)
    tolerance = 1e-3 + 1e-6 * abs(offset) / factor
    np.testing.assert_allclose(
        standardise_volume(volume, one), standardise_volume(other, two), atol=tolerance
    )


def test_outliers_and_padding():
    volume = generator(0, "volume").standard_normal((50, 90, 130), np.float32)
    data = np.ones(volume.shape, np.bool_)
    data[:, :30], data[:, :, 100:] = False, False
    plain = standard_scale(volume[:, 30:, :100])
    volume[~data], volume[20, 60, 50] = np.nan, -1e6
    found = standard_scale(volume)
    assert found.scale == pytest.approx(plain.scale, rel=0.02)
    made = standardise_volume(volume, found)
    assert made.dtype == np.float32
    assert made[20, 60, 50] == pytest.approx(-8, abs=1e-4)
    assert made[data].std() == pytest.approx(1, abs=0.05)
    assert standard_scale(made).scale == pytest.approx(1, rel=0.02)


def test_constant_volume():
    with pytest.raises(DataError, match="constant"):
        standard_scale(np.ones((50, 50, 50)))


@pytest.mark.parametrize("shape", [(12, 300, 400), (700, 700, 400), (40, 40, 41)])
def test_blocks_reach_every_border(shape):
    parts = block_parts(shape)
    assert len(parts) <= 1000
    for axis, length in enumerate(shape):
        assert min(part[axis].start for part in parts) == 0
        assert max(part[axis].stop for part in parts) == length
