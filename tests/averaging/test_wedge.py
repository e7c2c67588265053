"""Range of tilts measured from the power spectrum."""

import functools

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from ssn3d.averaging.options import AverageOptions
from ssn3d.averaging.wedge import angular_power, warn_of_tilts
from ssn3d.core.errors import DataError
from ssn3d.core.seeds import generator
from ssn3d.io.mrc import write_mrc
from ssn3d.io.particles.files import write_particle_table
from ssn3d.io.particles.frame import TomogramFrame
from ssn3d.io.particles.table import ParticleTable
from ssn3d.microscope.projector import Projector
from ssn3d.microscope.reconstruct import reconstruct
from ssn3d.recovery.particle_stack import Source, prepare_picks
from ssn3d.recovery.samples_table import Sample
from ssn3d.specimen.volume import Grid, posed_map

DEPTH, SECTIONS, WIDTH = 40, 48, 96


@pytest.fixture(scope="module")
def tomogram(molecule):
    """Return the function that reconstructs noise and molecules from tilts 3 degrees apart."""
    density = np.zeros((DEPTH, SECTIONS, WIDTH), dtype=np.float32)
    for column in range(20, WIDTH - 20, 20):
        corner, own = posed_map(molecule, np.array([20, 24, column]), np.eye(3), Grid(10.0, 40.0))
        density[tuple(slice(c, c + n) for c, n in zip(corner, own.shape, strict=True))] -= own

    @functools.cache
    def make(low_deg, high_deg):
        projector = Projector(DEPTH, WIDTH, np.arange(low_deg, high_deg + 0.1, 3.0))
        tilts = projector.project(density)
        noise = generator(0, "tilts").normal(size=tilts.shape, scale=3 * tilts.std())
        return reconstruct(tilts + noise.astype(np.float32), projector, 1.0)

    return make


def warning(caplog, volume, given):
    caplog.clear()
    warn_of_tilts(volume, given, "t.mrc")
    return caplog.text


@pytest.mark.parametrize("recorded", [(-60, 60), (-45, 45), (-40, 65), (-70, 10)])
def test_measured_tilts(tomogram, recorded):
    found = angular_power(tomogram(*recorded)).recorded_deg()
    np.testing.assert_allclose(found, recorded, atol=8)


@pytest.mark.parametrize("recorded", [(-40, 65), (-65, 40), (-51, 63)])
def test_warning_of_opposite_sign(tomogram, caplog, recorded):
    volume = tomogram(*recorded)
    opposite = (-recorded[1], -recorded[0])
    assert not warning(caplog, volume, recorded)
    assert not warning(caplog, -2 * volume[:, ::-1] + 5, recorded)
    text = "opposite sign of tilt; give --tilts {} {}"
    assert text.format(*recorded) in warning(caplog, volume, opposite)
    assert text.format(*opposite) in warning(caplog, volume[::-1], recorded)
    assert text.format(*opposite) in warning(caplog, volume[..., ::-1], recorded)


def test_tilts_of_a_table_are_checked(tomogram, caplog, tmp_path):
    write_mrc(tmp_path / "t.mrc", tomogram(-40, 65), 10.0)
    centres = [[20, 24, column] for column in range(20, WIDTH - 20, 20)]
    picks = ParticleTable.of_picks("t", np.array(centres, dtype=float), np.full(3, np.nan))
    frame = TomogramFrame.of_volume((DEPTH, SECTIONS, WIDTH), 10.0)
    write_particle_table(tmp_path / "picks.star", picks, frame, tomogram="t")
    sample = Sample("t", str(tmp_path / "t.mrc"), None, (-65.0, 40.0), protein="dark")
    source = Source(sample, tmp_path / "picks.star", None, None)
    with pytest.raises(DataError, match="3 of 3 particles can be averaged"):
        prepare_picks([source], AverageOptions(diameter_angstrom=60.0), None)
    assert "opposite sign of tilt; give --tilts -40 65 (in a table of tomograms" in caplog.text


def test_symmetric_tilts_have_no_sign(tomogram, caplog):
    for steepest in (45, 60):
        volume = tomogram(-steepest, steepest)
        for same in (volume, volume[::-1], volume[..., ::-1]):
            assert not warning(caplog, same, (-steepest, steepest))


@pytest.mark.parametrize("recorded", [(-45, 45), (-60, 40)])
def test_warning_of_unrecorded_tilts(tomogram, caplog, recorded):
    text = warning(caplog, tomogram(*recorded), (-60, 60))
    assert "shows tilts from about" in text
    assert "degrees only, but --tilts are -60 60" in text


def test_filled_wedge_no_warning(caplog):
    """The wedge may be filled by software or by noise."""
    rng = generator(0, "filled")
    noise = rng.normal(size=(DEPTH, SECTIONS, WIDTH)).astype(np.float32)
    slabs = np.zeros_like(noise)
    slabs[::7] = 1
    smooth = [
        gaussian_filter(noise, sigma)
        for sigma in ((1, 0.5, 0.5), (2, 0.5, 0.5), (0.5, 1, 2), (4, 0, 0))
    ]
    flat = np.ones_like(noise)
    small = noise[:18, :, :18]  # some rings hold no frequency
    for volume in (noise, *smooth, slabs, slabs + 0.01 * noise, noise[:8], small, flat):
        for given in ((-60, 60), (-40, 65), (-65, 40)):
            assert not warning(caplog, volume, given)
