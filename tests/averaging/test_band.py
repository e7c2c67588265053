"""Rotations, shifts and missing wedge in Fourier space, compared with a specimen."""

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from ssn3d.averaging.band import Reference, make_band, recorded, spectra
from ssn3d.core.seeds import generator
from ssn3d.microscope.projector import Projector
from ssn3d.microscope.reconstruct import reconstruct
from ssn3d.specimen.volume import Grid, posed_map

SIZE, HIGHEST = 26, 7


def test_posed_reference_matches_specimen(molecule, specimen):
    """Compare with maps rendered from the molecule's points at that pose."""
    rng = generator(0, "band")
    band = make_band(SIZE, HIGHEST, (-90, 90))
    for rotation in Rotation.random(4, rng=rng).as_matrix():
        shift = rng.uniform(-1.5, 1.5, 3)
        corner, own = posed_map(molecule, SIZE // 2 + shift, rotation, Grid(10.0, 40.0))
        box = np.zeros((60,) * 3, dtype=np.float32)
        box[tuple(slice(c + 17, c + 17 + len(own)) for c in corner)] = -own
        seen = spectra(box[None, 17:43, 17:43, 17:43], band)[0] * band.shift_phases(shift)
        expected = Reference(specimen.map).sample(rotation[None], band)[0]
        assert np.linalg.norm(seen - expected) < 0.03 * np.linalg.norm(expected)


@pytest.mark.parametrize("tilt_range_deg", [(-60.0, 60.0), (-40.0, 65.0)])
def test_missing_wedge(tilt_range_deg):
    size = 48
    tilts = np.arange(tilt_range_deg[0], tilt_range_deg[1] + 0.5, 1.0)
    projector = Projector(size, size, tilts)
    noise = generator(0, "wedge").normal(size=(len(tilts), size, size)).astype(np.float32)
    volume = reconstruct(noise, projector, 1.0)
    power = np.abs(np.fft.fftshift(np.fft.fftn(volume * np.hanning(size)[:, None, None]))) ** 2
    axis = np.arange(size) - size // 2
    frequencies = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1)
    length = np.linalg.norm(frequencies, axis=-1)
    across = np.hypot(frequencies[..., 0], frequencies[..., 2])
    shell = (length > 8) & (length < 20) & (across > 6)
    known = recorded(frequencies, tilt_range_deg)
    assert power[shell & ~known].mean() < 0.1 * power[shell & known].mean()
    mirrored = recorded(frequencies[..., ::-1], tilt_range_deg)  # z for x
    assert power[shell & ~mirrored].mean() > 0.5 * power[shell & mirrored].mean()


@hypothesis.settings(max_examples=30)
@hypothesis.given(st.floats(-90, 89), st.floats(0.5, 180), st.integers(0, 10_000))
def test_conjugates_recorded_together(low, width, seed):
    directions = generator(seed, "conjugates").integers(-3, 4, (200, 3))
    tilts = (low, min(low + width, 90.0))
    np.testing.assert_array_equal(recorded(directions, tilts), recorded(-directions, tilts))


def test_one_of_each_conjugate_pair():
    band = make_band(SIZE, 5, (-60, 60))
    everything = {tuple(k) for k in band.frequencies} | {tuple(-k) for k in band.frequencies}
    assert len(everything) == 2 * len(band)
    assert band.shells.min() == 1
    assert band.shells.max() == 5
    assert (0, 3, 0) in everything  # along the tilt axis
    assert (3, 0, 0) not in everything  # along the beam
