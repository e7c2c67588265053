"""Sampling at another voxel size: exact for waves that both grids hold, and without aliases."""

import numpy as np
import pytest

from own_tomograms import write_tomogram
from ssn3d.io.resample import resample_sections, sample_cube, sampled_length, step_between
from ssn3d.io.tomogram import open_tomogram

SHAPE = (60, 64, 72)


def wave(points, period):
    """Plane wave at points (..., 3), along an oblique direction."""
    direction = np.array([2, -1, 2]) / 3
    return np.cos(2 * np.pi * (points @ direction) / period).astype(np.float32)


def tomogram_of(volume, tmp_path):
    return open_tomogram(write_tomogram(tmp_path / "t.mrc", volume), protein="dark")


def as_in_file(tomogram, voxels):
    return voxels * tomogram.found.spread + tomogram.found.mean


def grid(shape):
    return np.moveaxis(np.indices(shape), 0, -1).astype(float)


@pytest.mark.parametrize("step", [0.5, 1.0, 1.35, 2.5])
def test_wave_below_both_limits_is_exact(tmp_path, step):
    tomogram = tomogram_of(wave(grid(SHAPE), 8.0), tmp_path)
    corner = np.array([25.3, 26.0, 30.7])
    cube = as_in_file(tomogram, sample_cube(tomogram, corner, step, 6))
    expected = wave(corner + step * grid((6, 6, 6)), 8.0)
    np.testing.assert_allclose(cube, expected, atol=0.01)


def test_wave_above_the_new_limit_is_removed(tmp_path):
    tomogram = tomogram_of(wave(grid(SHAPE), 3.0), tmp_path)
    cube = sample_cube(tomogram, (25, 25, 25), 3.0, 5)
    assert np.abs(cube).max() < 0.02  # standard deviations, 0.7 of an amplitude


def test_step_of_1_changes_nothing(tmp_path):
    volume = wave(grid(SHAPE), 3.0)
    tomogram = tomogram_of(volume, tmp_path)
    cube = as_in_file(tomogram, sample_cube(tomogram, (3, 4, 5), 1.0, 40))
    np.testing.assert_allclose(cube, volume[3:43, 4:44, 5:45], atol=1e-6)


@pytest.mark.parametrize("step", [0.45, 1.35, 2.5])
def test_ramp_is_kept(step):
    """Linear interpolation keeps a ramp; the first voxels of both grids coincide."""
    lengths = [sampled_length(length, step) for length in SHAPE]
    ramp = (step * grid(lengths)) @ np.array([1.0, -2.0, 0.5])
    slabs = np.split(ramp.astype(np.float32), [7, 8, 20])
    back = np.concatenate(list(resample_sections(slabs, step, SHAPE)))
    np.testing.assert_allclose(back, grid(SHAPE) @ np.array([1.0, -2.0, 0.5]), atol=1e-3)


def test_small_differences_need_no_rescaling():
    assert step_between(9.95, 10.0) == 1
    assert step_between(4.0, 10.0) == 2.5
