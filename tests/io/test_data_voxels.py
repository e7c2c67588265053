"""Padding of a volume: found whatever its value and shape, and no data taken for it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from own_tomograms import dark_spheres, spheres
from ssn3d.core.seeds import generator
from ssn3d.io.data_voxels import find_padding

SHAPE = (41, 50, 59)
NOISE = generator(0, "padding").standard_normal(SHAPE).astype(np.float32)


def data_of(volume):
    """Voxels that hold data, put together from parts as a caller reads them."""
    padding = find_padding(lambda part: np.asarray(volume[part], np.float32), volume.shape)
    if padding is None:
        return np.ones(volume.shape, bool)
    found = np.ones(volume.shape, bool)
    for start in range(0, volume.shape[0], 7):
        part = (slice(start, min(start + 7, volume.shape[0])), slice(0, 50), slice(0, 59))
        data = padding.is_data(part)
        if data is not None:
            found[part] = data
    return found


@settings(max_examples=30)
@given(
    st.tuples(*[st.tuples(st.integers(0, 9), st.integers(0, 9))] * 3),
    st.sampled_from([0.0, -5.0, 127.0, 255.0]),
    st.sampled_from([np.uint8, np.float32]),
)
def test_border_is_padding(widths, fill, dtype):
    volume = (127 + 25 * NOISE).clip(0, 255).astype(dtype)
    fill = np.array(fill).clip(0, 255).astype(dtype)
    data = np.ones(SHAPE, bool)
    data[tuple(slice(a, n - b) for (a, b), n in zip(widths, SHAPE, strict=True))] = False
    volume[data] = fill
    data = ~data
    found = data_of(volume)
    assert not found[~data].any()
    lost = data & ~found
    assert not lost[ndimage.binary_erosion(data)].any() or dtype == np.uint8
    assert lost.mean() < 0.005


@pytest.mark.parametrize("fill", [0.0, 3.0])
def test_blank_sections_and_corners_are_padding(fill):
    inside = np.zeros(SHAPE, np.float32)
    inside[:, 8:42, 8:50] = 1
    data = ndimage.rotate(inside, 20, axes=(1, 2), reshape=False, order=0) > 0
    data[17:20] = False
    found = data_of(np.where(data, NOISE, np.float32(fill)))
    assert (found == data).mean() > 0.999


@pytest.mark.parametrize(
    "volume",
    [
        NOISE,
        np.round(127 + 2 * NOISE).astype(np.uint8),  # 20% of the voxels are 127
        np.round(127 + 40 * ndimage.gaussian_filter(NOISE, 2)).astype(np.uint8),
        (40 * NOISE).clip(-30, 30).astype(np.int8),  # saturated
        -spheres(SHAPE, [[10, 12, 14], [30, 30, 40], [12, 38, 20]], 6).astype(np.float32),
        np.zeros(SHAPE, np.float32),
    ],
    ids=["noise", "8 bits", "smooth", "saturated", "without noise", "constant"],
)
def test_repeated_values_are_data(volume):
    assert find_padding(lambda part: volume[part].astype(np.float32), SHAPE) is None


def test_data_beside_padding_are_kept():
    volume = dark_spheres(SHAPE, [[20, 20, 20]], 6)
    volume[:, :, :3] = 0
    assert data_of(volume)[:, :, 3:].all()
