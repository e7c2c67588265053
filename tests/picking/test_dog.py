"""Difference of Gaussians finds blobs of the size asked for, where they are."""

import os
import subprocess
import sys
from unittest import mock

import hypothesis
import numpy as np
import pytest
from balls import reader, scattered, volume_of_balls
from hypothesis import strategies as st

from ssn3d.core.errors import DataError
from ssn3d.picking import dog
from ssn3d.picking.dog import RATIO, find_peaks, sigma_of
from ssn3d.picking.pick import Choice, pick_blobs
from ssn3d.picking.scoring import match

SHAPE, RADIUS, COUNT = (60, 70, 80), 6.0, 25
PLACES = scattered(SHAPE, COUNT, 15, 8)


@pytest.fixture(scope="module")
def volume():
    return volume_of_balls(SHAPE, PLACES, RADIUS, noise=0.5)


def test_kernel_is_zero_at_surface():
    sigma = sigma_of(40.0)
    inside, outside = 19.99, 20.01
    for radius, positive in ((0, True), (inside, True), (outside, False)):
        narrow, wide = (np.exp(-(radius**2) / 2 / s**2) / s**3 for s in (sigma, sigma * RATIO))
        assert (narrow > wide) == positive
    assert sigma == pytest.approx(9.30, rel=1e-3)


@pytest.mark.parametrize("diameter", [2 * RADIUS, 14.0])
def test_peaks_of_balls_in_noise(diameter, volume):
    peaks = find_peaks(reader(volume), SHAPE, diameter)
    assert len(peaks) > COUNT
    found = match(peaks.centres[:COUNT], PLACES, 2.0)
    assert len(found.picks) == COUNT
    assert np.median(found.distances) < 0.5
    assert peaks.heights[COUNT - 1] > 1.5 * peaks.heights[COUNT]


def test_peaks_without_noise():
    clean = volume_of_balls(SHAPE, PLACES, RADIUS)
    found = match(find_peaks(reader(clean), SHAPE, 12.0).centres[:COUNT], PLACES, 2.0)
    assert len(found.picks) == COUNT
    assert found.distances.max() < 0.2
    bright = find_peaks(reader(-clean), SHAPE, 12.0)
    assert not len(match(bright.centres, PLACES, 3.0).picks)


def test_peaks_in_binned_voxels():
    places = scattered((130, 141, 153), 6, 50, 25)
    clean = volume_of_balls((130, 141, 153), places, 17.3)
    assert int(sigma_of(34.6) / dog._FINEST_SIGMA_VOXELS) >= 3
    found = match(find_peaks(reader(clean), clean.shape, 34.6).centres[:6], places, 3.0)
    assert len(found.picks) == 6
    assert found.distances.max() < 0.3


@hypothesis.settings(max_examples=8)
@hypothesis.given(st.floats(6.0, 40.0), st.integers(1, 10**5))
def test_slabs_change_nothing(volume, diameter, voxels):
    whole = find_peaks(reader(volume), SHAPE, diameter)
    with mock.patch.object(dog, "_SLAB_VOXELS", voxels):
        slabs = find_peaks(reader(volume), SHAPE, diameter)
    assert slabs.heights.tolist() == whole.heights.tolist()
    assert slabs.centres.tolist() == whole.centres.tolist()


@hypothesis.settings(max_examples=12)
@hypothesis.given(st.tuples(*[st.floats(20, 39)] * 3), st.floats(7, 16), st.integers(1, 10**5))
def test_one_pick_per_particle(centre, radius, voxels):
    """At borders of slabs too, and where its middle is between voxels."""
    volume, choice = volume_of_balls((60, 60, 60), [centre], radius), Choice(1.0)
    with mock.patch.object(dog, "_SLAB_VOXELS", voxels):
        picks = pick_blobs(reader(volume), volume.shape, 10.0, 20 * radius, choice)
    np.testing.assert_allclose(picks.centres, [centre], atol=1.0)


SCRIPT = """
import hashlib, numpy as np
from ssn3d.io.tomogram_checks import survey
from ssn3d.picking.pick import Choice, pick_blobs
volume = np.random.default_rng(0).standard_normal((60, 70, 80), dtype=np.float32)
choice = Choice()
picks = pick_blobs(lambda where: volume[where], volume.shape, 10.0, 80.0, choice)
print(len(picks.scores), *(hashlib.sha256(a).hexdigest() for a in (picks.centres, picks.scores)))
print(survey(lambda where: volume[where], volume.shape, 10.0, "volume").spread)
"""


def test_threads_change_nothing():
    """Nor does the processor for which BLAS is tuned."""
    told = set()
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    for threads, core in (("1", "Sandybridge"), ("4", "Haswell")):
        more = dict.fromkeys(names, threads) | {"OPENBLAS_CORETYPE": core}
        told.add(subprocess.check_output([sys.executable, "-c", SCRIPT], env=os.environ | more))
    assert len(told) == 1
    assert int(told.pop().split()[0]) > 10


def test_invariant_to_scale_and_offset(volume):
    first = find_peaks(reader(volume), SHAPE, 12.0)
    for scale, offset in ((30, 5), (2, -30)):
        changed = volume * np.float32(scale) + np.float32(offset)
        second = find_peaks(reader(changed), SHAPE, 12.0)
        np.testing.assert_allclose(second.heights[:COUNT], first.heights[:COUNT], rtol=1e-4)
        np.testing.assert_allclose(second.centres[:COUNT], first.centres[:COUNT], atol=1e-3)


def test_no_peak_outside():
    volume = volume_of_balls((40, 40, 40), [(-3, 20, 20), (20, 20, 41), (20, 12, 12)], RADIUS)
    peaks = find_peaks(reader(volume), volume.shape, 12.0)
    high = peaks.centres[peaks.heights > peaks.heights[0] / 2]
    np.testing.assert_allclose(high, [[20, 12, 12]], atol=0.3)


@pytest.mark.parametrize("diameter", [12.0, 20.0])
def test_padding_is_ignored(diameter, volume):
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
def test_faulty_volumes_are_refused(fault, message, volume):
    with pytest.raises(DataError, match=message):
        find_peaks(reader(fault(volume)), SHAPE, 12.0)
    for diameter in (1.0, 500.0):
        with pytest.raises(DataError, match="not between 3 and 80"):
            find_peaks(reader(volume), SHAPE, diameter)
