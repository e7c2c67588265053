"""The unsupervised threshold: on trade-offs drawn by hand, and on images with known answers."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scenes import ball, image_of

from sections import changed, section
from ssn3d.core.seeds import generator
from ssn3d.segmentation.baseline.mumford_shah import threshold_segments, unsupervised_threshold
from ssn3d.segmentation.baseline.segment import segment

SIZE = 32
CENTRE = (16, 16, 16)
SETTINGS = section("baseline", flooded="gradient").unsupervised


def segmented(truth, noise):
    return segment(image_of(truth, noise), SETTINGS, generator(0, "test"))


def chosen(points):
    squares, faces = np.array(points, dtype=float).T
    return unsupervised_threshold(squares, faces.astype(int))


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ([(100, 0)], 0),  # one segment
        ([(100, 0), (100, 30)], 0),  # segments of one mean: a threshold gains nothing
        ([(100, 0), (40, 30)], 1),  # the only threshold there is
        ([(100, 0), (40, 30), (35, 90)], 1),  # a knee
        ([(100, 0), (80, 60), (30, 120)], 2),  # bends the other way: both balls, not nothing
        ([(100, 0), (80, 5), (40, 30), (37, 70), (35, 120)], 2),  # (80, 5) is higher, relatively
        ([(100, 0), (90, 90), (40, 30), (35, 90)], 2),  # the first is beaten by the second
        # past the least squares: everything but a void, of little boundary, is no candidate
        ([(100, 0), (50, 40), (45, 100), (60, 50), (99, 1)], 1),
    ],
)
def test_knee_of_hand_drawn_curves(points, expected):
    assert chosen(points) == expected


POINTS = st.lists(st.tuples(st.integers(1, 999), st.integers(1, 999)), min_size=1, max_size=12)


@settings(max_examples=60)
@given(POINTS, st.sampled_from([1e-3, 7.0, 1e4]), st.sampled_from([2, 30]))
def test_knee_is_farthest_below_the_line(points, square_unit, face_unit):
    """Against numpy's fit and perpendicular distances from the line."""
    all_points = [(1000, 0), *points]
    until = int(np.argmin([s for s, _ in all_points])) + 1
    front = [
        k for k, (s, f) in enumerate(all_points[:until])
        if not any(t <= s and g <= f and (t, g) != (s, f) for t, g in all_points[:until])
    ]  # fmt: skip
    assume(len({all_points[k] for k in front}) == len(front))
    x, y = np.array([all_points[k] for k in front], dtype=float).T
    slope, intercept = np.polyfit(x, y, 1)
    below = (slope * x + intercept - y) / np.hypot(slope, 1.0)
    least, most = np.sort(below[1:])[-2:] if len(front) > 2 else (0.0, 1.0)
    assume(most - least > 1e-6)  # no tie
    expected = front[1 + int(np.argmax(below[1:]))]
    assert chosen(all_points) == expected
    assert chosen([(square_unit * s, face_unit * f) for s, f in all_points]) == expected


@pytest.mark.parametrize("noise", [0.0, 0.2])
def test_ball_is_foreground(noise):
    truth = ball(6, CENTRE, SIZE)
    result = segmented(truth, noise)
    assert (result.foreground & truth).sum() > 0.6 * truth.sum()
    assert (result.foreground & ~truth).sum() < 0.1 * truth.sum()
    assert result.mask[CENTRE]


@pytest.mark.parametrize("flooded", ["gradient", "density"])
def test_foreground_of_noise(flooded):
    image = np.random.default_rng(3).normal(size=(SIZE,) * 3)
    used = changed(SETTINGS, flooded=flooded)
    result = segment(image, used, generator(0, "test"))
    assert 0 < result.foreground.mean() < 0.5
    assert image[result.foreground].mean() < image[~result.foreground].mean()


def test_segments_of_equal_means():
    segments = np.repeat([1, 2], 32).reshape(4, 4, 4).astype(np.int32)
    density = np.tile([1.0, -1.0], 32).reshape(4, 4, 4)
    assert not threshold_segments(density, segments, None).any()
