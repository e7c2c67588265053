"""The CTF at a place of a tilted field is that of the defocus there."""

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from cameras import camera
from sections import section
from ssn3d.core.seeds import generator
from ssn3d.microscope.ctf import ctf
from ssn3d.microscope.defocus_gradient import defocus_layers, defocus_offsets_um, defocus_slopes
from ssn3d.specimen.ice import slab_normal

SIZE, PIXEL, DEFOCUS = 512, 2.0, 1.0
ACROSS = {
    "optics": {"defocus_across_field": True, "defocus_um": DEFOCUS},
    "detector": {"mtf": "none"},
}


LEVEL = slab_normal(0.0, 0.0)


def offsets_of(shape, tilt, pixel, normal=LEVEL):
    return defocus_offsets_um(shape, defocus_slopes(np.array([tilt]), normal)[0], pixel)


def test_defocus_offset_is_height():
    offsets = offsets_of((3, 101), 45.0, 10.0)
    np.testing.assert_allclose(offsets[:, 50], 0, atol=1e-12)
    np.testing.assert_allclose(offsets[:, 60], -0.01)  # 10 pixels of 1 nm beside, at 45 degrees
    np.testing.assert_allclose(offsets_of((3, 101), -45.0, 10.0), -offsets, atol=1e-12)


@hypothesis.given(*[st.floats(-15, 15)] * 2, st.floats(-60, 60), st.integers(0, 99))
def test_defocus_follows_tilted_slab(about_x, about_y, tilt, seed):
    """Points of the slab's middle plane have the defocus of their height, where they are seen."""
    turn = Rotation.from_euler("xy", [about_x, about_y], degrees=True)  # about fixed axes
    x, y, z = turn.apply([*generator(seed, "point").uniform(-500, 500, 2), 0.0])
    angle = np.deg2rad(tilt)
    u, height = x * np.cos(angle) + z * np.sin(angle), z * np.cos(angle) - x * np.sin(angle)
    slopes = defocus_slopes(np.array([tilt]), slab_normal(about_x, about_y))[0]
    assert slopes @ [y, u] == pytest.approx(height, abs=1e-6)


def test_layers_interpolate_the_offsets():
    for normal in (LEVEL, slab_normal(8.0, -5.0)):
        offsets = offsets_of((64, SIZE), 60.0, PIXEL, normal)
        layers, weights = defocus_layers(offsets, PIXEL, 300.0)
        assert len(layers) > 10
        np.testing.assert_allclose(weights.sum(axis=0), 1, atol=1e-5)
        np.testing.assert_allclose(np.tensordot(layers, weights, 1), offsets, atol=1e-5)
    layers, weights = defocus_layers(offsets_of((2, SIZE), 0.0, PIXEL), PIXEL, 300.0)
    assert layers.tolist() == [0]
    assert (weights == 1).all()


def test_wave_has_local_ctf():
    """A wave along the tilt axis, of 5 angstrom, in the first and the last tilt."""
    cycles = 205
    wave = np.cos(2 * np.pi * cycles * np.arange(SIZE) / SIZE).astype(np.float32)
    projections = np.tile(wave[:, None], (3, 1, SIZE))
    seen = camera(PIXEL, tilt={"step_deg": 60.0}, **ACROSS).image(projections)[::2]
    inside = slice(60, -60)
    amplitude = wave[inside] @ seen[:, inside] / (wave[inside] @ wave[inside])  # (tilt, x)
    optics, frequency = section("microscope").optics, np.array([cycles / SIZE / PIXEL])
    beside = (np.arange(SIZE) - SIZE // 2) * PIXEL * 1e-4
    for values, direction in zip(amplitude, (1, -1), strict=True):
        defocus = DEFOCUS + direction * beside * np.tan(np.pi / 3)
        expected = np.array([ctf(frequency, optics, each).item() for each in defocus])
        assert np.ptp(expected) > 1.9  # it goes through many zeros
        np.testing.assert_allclose(values[inside], expected[inside], atol=0.03)


def test_untilted_field():
    projections = np.random.default_rng(0).standard_normal((3, 64, 64)).astype(np.float32)
    tilt = {"step_deg": 60.0}
    across, plain = (
        camera(tilt=tilt, optics={"defocus_across_field": on}).image(projections)
        for on in (True, False)
    )
    np.testing.assert_allclose(across[1], plain[1], atol=1e-5)
    assert np.abs(across[0] - plain[0]).max() > 1e-3
