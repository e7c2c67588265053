"""Peaks become picks: the mask, the distance, and a threshold found without the truth."""

import hypothesis
import numpy as np
import pytest
from balls import reader, scattered, volume_of_balls
from hypothesis import strategies as st

from ssn3d.core.seeds import generator
from ssn3d.picking.dog import find_peaks
from ssn3d.picking.pick import Choice, pick_blobs
from ssn3d.picking.scoring import score_picks
from ssn3d.picking.select import find_threshold, inside_mask, non_max_suppression

PLACE = st.tuples(*[st.floats(0, 20)] * 3)
ANY = Choice()


@hypothesis.given(st.lists(PLACE, max_size=25), st.floats(0.1, 12))
def test_non_max_suppression(places, distance):
    centres = np.array(places).reshape(-1, 3)
    kept = non_max_suppression(centres, distance)
    for i, place in enumerate(centres):
        better = centres[:i][kept[:i]]
        near = (np.linalg.norm(better - place, axis=1) <= distance).any()
        assert kept[i] == (not near)


@pytest.mark.parametrize("particles", [10, 100, 1000, 4000])
@pytest.mark.parametrize("gold", [0, 15])
def test_threshold_separates_noise(particles, gold):
    rng = generator(0, "heights", particles)
    noise = np.abs(rng.normal(0.75, 0.17, 8000)) ** 2  # as measured in simulated tomograms
    heights = np.concatenate(
        [noise, rng.normal(1.8, 0.25, particles) ** 2, rng.uniform(25, 60, gold)]
    )
    threshold = find_threshold(heights)
    above = (noise > threshold).sum()
    missed = (heights[len(noise) :] <= threshold).sum()
    assert above <= 0.02 * len(noise)
    assert missed <= 0.05 * (particles + gold)


def test_threshold_scales():
    heights = generator(0, "heights").uniform(0.1, 9, 200)
    assert find_threshold(heights * 4) == pytest.approx(find_threshold(heights) * 4, rel=1e-6)
    assert find_threshold(heights[:5]) is None
    assert find_threshold(np.ones(50)) is None


@pytest.mark.parametrize("snr", [1.0, 0.1])
def test_picks_of_balls_in_noise(snr):
    """Noise of a power per voxel 1 / snr that of a ball."""
    shape = (90, 100, 110)
    places = scattered(shape, 60, 15, 7)
    volume = volume_of_balls(shape, places, 6.0, noise=snr**-0.5)
    picks = pick_blobs(reader(volume), shape, 10.0, 120.0, ANY)
    score = score_picks(picks.centres * 10, places * 10, np.full(60, "ball"), 30.0)
    assert score.f1 > 0.95
    assert score.median_error_angstrom < 15
    assert (np.diff(picks.scores) <= 0).all()
    assert "estimated from the histogram" in picks.why


def test_mask_limits_threshold():
    """Strong particles outside the mask would hide the weak ones inside."""
    shape = (60, 70, 140)
    places = scattered((60, 70, 70), 25, 14, 7)
    volume = volume_of_balls(shape, places, 6.0, noise=0.6)
    volume += 30 * volume_of_balls(shape, places + np.array([0, 0, 70]), 6.0)
    mask = np.zeros(shape, dtype=np.int8)
    mask[..., :70] = 1
    choice = Choice(mask=mask)
    picks = pick_blobs(reader(volume), shape, 10.0, 120.0, choice)
    assert (picks.centres[:, 2] < 70).all()
    score = score_picks(picks.centres * 10, places * 10, np.full(25, "ball"), 30.0)
    assert score.f1 > 0.9


def test_mask_at_nearest_voxel():
    mask = np.zeros((3, 3, 3))
    mask[1, 1, 1] = 0.5
    centres = np.array([[1.4, 0.6, 1.0], [1.6, 1, 1], [-0.4, 0, 0], [2.4, 2.4, 2.4]])
    assert inside_mask(centres, mask).tolist() == [True, False, False, False]


def test_given_limits():
    shape = (60, 60, 60)
    volume = volume_of_balls(shape, [(20, 20, 20), (40, 40, 40)], 6.0, noise=0.3)
    peaks = find_peaks(reader(volume), shape, 12.0)
    threshold = float(peaks.heights[1])

    def picked(**changes):
        choice = Choice(**{**vars(ANY), "threshold": threshold, **changes})
        return pick_blobs(reader(volume), shape, 10.0, 120.0, choice)

    assert len(picked().scores) == 2
    assert "(given)" in picked().why
    assert len(picked(most=1).scores) == 1
    assert "the best 1 of them" in picked(most=1).why
    assert len(picked(distance_angstrom=400.0).scores) == 1
    none = picked(threshold=1000.0)
    assert not len(none.scores)
    assert "is protein bright?" in none.why


def test_noise_alone_is_reported(caplog):
    shape = (90, 100, 110)
    volume = volume_of_balls(shape, [], 6.0, noise=1.0)
    with caplog.at_level("WARNING", logger="ssn3d"):
        pick_blobs(reader(volume), shape, 10.0, 100.0, ANY)
    assert "nothing but noise" in caplog.text
