"""Faces of the slab, found from the amplitude of detail."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ssn3d.core.seeds import generator
from ssn3d.io.tomogram_checks import survey
from ssn3d.measure.slab import find_slab
from ssn3d.specimen.ice import Slab, slab_normal

SHAPE = (40, 48, 56)


def noisy_slab(thickness, about_x, about_y, offset=0.0):
    """Noise in bins, four times as strong inside a slab."""
    middle = np.array(SHAPE) / 2 + (offset, 0, 0)
    slab = Slab(middle, slab_normal(about_x, about_y), thickness)
    depth = slab.depth(np.moveaxis(np.indices(SHAPE), 0, -1) + 0.5)
    noise = generator(0, "slab").standard_normal(SHAPE)
    return (noise * np.where(depth > 0, 4, 1)).astype(np.float32)


@given(st.floats(8, 20), st.floats(-15, 15), st.floats(-15, 15))
@settings(max_examples=5)
def test_thickness_and_tilts_of_noise(thickness, about_x, about_y):
    found = find_slab(noisy_slab(thickness, about_x, about_y), 3)
    assert found.thickness_voxels == pytest.approx(3 * thickness, abs=9)
    np.testing.assert_allclose(found.tilts_deg, (about_x, about_y), atol=2)


def test_one_face_and_data_alone():
    volume = noisy_slab(30.0, 0.0, 0.0, offset=14.0)
    volume[:, :9] = np.nan
    found = find_slab(volume, 1)
    assert found.top is None
    assert found.thickness_voxels is None
    assert found.bottom.height == pytest.approx(-1, abs=1.5)  # 20 + 14 - 15, less half the depth
    assert found.is_outside(SHAPE, 1).mean() == pytest.approx(19 / 40, abs=0.04)


def test_no_slab_in_even_noise():
    noise = generator(1, "slab").standard_normal(SHAPE).astype(np.float32)
    assert find_slab(noise, 3) is None
    assert find_slab(noise[:6], 3) is None
    assert find_slab(np.zeros(SHAPE, np.float32), 3) is None


@pytest.mark.parametrize("snr", [0.2, 0.06])
def test_slab_of_simulated_tomogram(simulated, snr):
    volume = simulated.at(snr)
    found = find_slab(survey(lambda s: volume[s], volume.shape, 10.0, "t").binned, 3)
    assert 10 * found.thickness_voxels == pytest.approx(600, abs=120)
    np.testing.assert_allclose(found.tilts_deg, (4, -6), atol=2.5)
