"""Fourier shell correlation of maps whose agreement is known."""

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from ssn3d.averaging.fsc import filtered, first_below, resolution_angstrom, shell_correlation
from ssn3d.core.seeds import generator


@pytest.mark.parametrize("size", [32, 33])
def test_shell_correlation(size):
    rng = generator(0, "fsc")
    one, other = rng.normal(size=(2, size, size, size)).astype(np.float32)
    np.testing.assert_allclose(shell_correlation(one, 3 * one), 1, atol=1e-5)
    np.testing.assert_allclose(shell_correlation(one, -one), -1, atol=1e-5)
    assert np.abs(shell_correlation(one, other)[4:]).max() < 0.1
    both = shell_correlation(one + other, one)  # half of the power is shared
    np.testing.assert_allclose(both[6:], np.sqrt(0.5), atol=0.05)


def test_filter_by_shells():
    volume = generator(1, "fsc").normal(size=(20, 20, 20)).astype(np.float32)
    low = filtered(volume, np.r_[np.ones(6), np.zeros(5)])
    correlation = shell_correlation(volume, low)
    np.testing.assert_allclose(correlation[:6], 1, atol=1e-4)
    np.testing.assert_allclose(filtered(low, np.ones(11)), low, atol=1e-5)
    np.testing.assert_allclose(low, filtered(low, np.r_[np.ones(6), np.zeros(5)]), atol=1e-5)


def test_resolution_at_crossing():
    curve = np.array([1.0, 1.0, 0.9, 0.7, 0.3, 0.1, 0.6])
    assert first_below(curve, 0.5) == 4
    assert resolution_angstrom(curve, 0.5, 400) == pytest.approx(400 / 3.5)
    assert resolution_angstrom(curve, 0.05, 400) == pytest.approx(400 / 6)  # never below
    assert resolution_angstrom(-curve, 0.143, 400) == np.inf


@pytest.mark.parametrize("dips", [[1], [1, 2], [3], [1, 4], [2, 5]])
def test_dips_are_ignored(dips):
    curve = np.linspace(1.2, -0.3, 16)
    expected = resolution_angstrom(curve, 0.5, 400)
    curve[dips] = -0.1
    assert resolution_angstrom(curve, 0.5, 400) == expected


def test_late_peaks_are_ignored():
    curve = np.zeros(16)
    curve[[0, 9, 10, 11]] = 1
    assert resolution_angstrom(curve, 0.143, 400) == np.inf


@hypothesis.settings(max_examples=50)
@hypothesis.given(st.lists(st.floats(-1, 1), min_size=4, max_size=40), st.floats(0.1, 0.9))
def test_curve_is_below_at_crossing(curve, threshold):
    curve = np.array([1.0, *curve])
    shell = first_below(curve, threshold)
    resolution = resolution_angstrom(curve, threshold, 400)
    if shell in {1, len(curve)}:
        assert resolution == (np.inf if shell == 1 else 400 / (len(curve) - 1))
    else:
        assert curve[shell] < threshold <= curve[shell - 1]
        assert 400 / shell <= resolution <= 400 / (shell - 1)
