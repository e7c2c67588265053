"""Difference of Gaussians finds blobs of the size asked for, where they are."""

import numpy as np
import pytest
from balls import reader, scattered, volume_of_balls
from scipy import ndimage

from ssn3d.errors import DataError
from ssn3d.picking import dog
from ssn3d.picking.dog import RATIO, find_peaks, sigma_of
from ssn3d.picking.scoring import match

SHAPE, RADIUS, COUNT = (60, 70, 80), 6.0, 25
PLACES = scattered(SHAPE, COUNT, 15, 8)


@pytest.fixture(scope="module")
def volume():
    return volume_of_balls(SHAPE, PLACES, RADIUS, noise=0.5)


def test_the_kernel_crosses_zero_at_the_particles_surface():
    sigma = sigma_of(40.0)
    inside, outside = 19.99, 20.01
    for radius, positive in ((0, True), (inside, True), (outside, False)):
        narrow, wide = (np.exp(-(radius**2) / 2 / s**2) / s**3 for s in (sigma, sigma * RATIO))
        assert (narrow > wide) == positive
    assert sigma == pytest.approx(9.30, rel=1e-3)


@pytest.mark.parametrize("diameter", [2 * RADIUS, 14.0])
def test_each_ball_is_a_peak_and_higher_than_noise(diameter, volume):
    peaks = find_peaks(reader(volume), SHAPE, diameter)
    assert len(peaks) > COUNT
    found = match(peaks.centres[:COUNT], PLACES, 2.0)
    assert len(found.picks) == COUNT
    assert np.median(found.distances) < 0.5
    assert peaks.heights[COUNT - 1] > 1.5 * peaks.heights[COUNT]


def test_balls_without_noise_are_where_they_are_and_bright_ones_are_not_found():
    clean = volume_of_balls(SHAPE, PLACES, RADIUS)
    found = match(find_peaks(reader(clean), SHAPE, 12.0).centres[:COUNT], PLACES, 2.0)
    assert len(found.picks) == COUNT
    assert found.distances.max() < 0.2
    bright = find_peaks(reader(-clean), SHAPE, 12.0)
    assert not len(match(bright.centres, PLACES, 3.0).picks)


def test_large_particles_are_found_in_binned_voxels_at_the_same_places():
    places = scattered((130, 141, 153), 6, 50, 25)
    clean = volume_of_balls((130, 141, 153), places, 17.3)
    assert int(sigma_of(34.6) / dog._FINEST_SIGMA_VOXELS) >= 3
    found = match(find_peaks(reader(clean), clean.shape, 34.6).centres[:6], places, 3.0)
    assert len(found.picks) == 6
    assert found.distances.max() < 0.3


@pytest.mark.parametrize("diameter", [9.0, 17.0])
def test_slabs_change_nothing(diameter, volume, monkeypatch):
    whole = find_peaks(reader(volume), SHAPE, diameter)
    monkeypatch.setattr(dog, "_SLAB_VOXELS", 1)
    slabs = find_peaks(reader(volume), SHAPE, diameter)
    np.testing.assert_allclose(slabs.heights, whole.heights, rtol=1e-4)
    near = match(slabs.centres, whole.centres, 1e-2)
    assert len(near.picks) == len(whole)


def test_brightness_and_contrast_change_nothing(volume):
    first = find_peaks(reader(volume), SHAPE, 12.0)
    second = find_peaks(reader(volume * 30 + 5), SHAPE, 12.0)
    np.testing.assert_allclose(second.heights[:COUNT], first.heights[:COUNT], rtol=1e-3)
    np.testing.assert_allclose(second.centres[:COUNT], first.centres[:COUNT], atol=1e-2)


def test_a_particle_centred_outside_is_no_peak():
    volume = volume_of_balls((40, 40, 40), [(-3, 20, 20), (20, 20, 41), (20, 12, 12)], RADIUS)
    peaks = find_peaks(reader(volume), volume.shape, 12.0)
    high = peaks.centres[peaks.heights > peaks.heights[0] / 2]
    np.testing.assert_allclose(high, [[20, 12, 12]], atol=0.3)


@pytest.mark.parametrize("diameter", [12.0, 20.0])
def test_padding_has_no_peaks_and_no_say(diameter, volume):
    widths = ((40, 3), (7, 7), (5, 0))
    padded = np.pad(volume, widths)
    data = np.pad(np.ones(SHAPE, bool), widths)
    whole = find_peaks(reader(volume), SHAPE, diameter)
    found = find_peaks(reader(padded), padded.shape, diameter, lambda part: data[part])
    inside = tuple(np.floor(found.centres + 0.5).astype(int).T)
    assert data[inside].all()
    shifted = found.centres - [before for before, _ in widths]
    assert len(match(shifted[:COUNT], whole.centres[:COUNT], 0.5).picks) >= COUNT - 1
    assert found.heights[COUNT // 2] == pytest.approx(whole.heights[COUNT // 2], rel=0.1)


def test_memory_is_bounded_by_the_slab():
    """No more voxels are read at once than a slab and its halo have."""
    read = []

    def reading(where):
        lengths = [len(range(n)[part]) for n, part in zip((900, 30, 30), where, strict=True)]
        read.append(np.prod(lengths))
        return np.random.default_rng(0).standard_normal(lengths, dtype=np.float32)

    find_peaks(reading, (900, 30, 30), 30.0)
    assert max(read) <= 5 * 30 * 30


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (lambda v: v * np.nan, "NaN or infinity"),
        (lambda v: v * 0 + 3, "constant"),
    ],
)
def test_what_cannot_be_picked_in_is_one_line(fault, message, volume):
    with pytest.raises(DataError, match=message):
        find_peaks(reader(fault(volume)), SHAPE, 12.0)
    for diameter in (1.0, 500.0):
        with pytest.raises(DataError, match="not between 3 and 80"):
            find_peaks(reader(volume), SHAPE, diameter)


def test_the_filter_is_scipys_difference(volume):
    filtered = dog._difference(volume, 2.0)
    wide, narrow = (ndimage.gaussian_filter(volume, s, mode="nearest") for s in (3.2, 2.0))
    np.testing.assert_allclose(filtered, wide - narrow, atol=1e-5)
