"""Positions go through every format, binned and unbinned, and are where each program looks."""

from itertools import product

import hypothesis
import numpy as np
import pytest
import starfile
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from ssn3d.core.particles import Particles
from ssn3d.core.seeds import generator
from ssn3d.io.particles.files import read_particle_table, write_particle_table
from ssn3d.io.particles.frame import TomogramFrame
from ssn3d.io.particles.table import ParticleTable

FORMS = [("p.star", 4), ("p.star", 5), ("ssn3d_1_ribosome.json", 5), ("p.csv", 5)]
ORIENTED = [form for form in FORMS if not form[0].endswith(".csv")]
COORDINATE = st.one_of(st.floats(-50, 3000, width=64), st.integers(-20, 20).map(lambda n: n / 2))
POSITIONS = st.lists(st.tuples(COORDINATE, COORDINATE, COORDINATE), min_size=1, max_size=20)


def oriented_table(centres):
    rng = generator(0, "table")
    count = len(centres)
    rotations = Rotation.random(count, rng=rng).as_matrix()
    particles = Particles(np.full(count, "ribosome"), np.asarray(centres, dtype=float), rotations)
    return ParticleTable(
        np.full(count, "TS_01"), particles, rng.uniform(0, 9, count), oriented=True
    )


def binned(shape, pixel, binning):
    """Give the frame of a tomogram that is unbinned, and of its binned form."""
    size = tuple(length * pixel for length in shape)
    return (TomogramFrame(size, pixel, pixel), TomogramFrame(size, pixel * binning, pixel))


@hypothesis.settings(max_examples=25)
@hypothesis.given(
    positions=POSITIONS,
    pixel=st.sampled_from([0.675, 1.35, 10.0]),
    binning=st.sampled_from([1, 2, 4, 7.4]),
    shape=st.tuples(*[st.integers(25, 4100)] * 3),
)
@pytest.mark.parametrize(("name", "relion"), FORMS)
def test_positions_come_back(name, relion, positions, pixel, binning, shape, tmp_path_factory):
    path = tmp_path_factory.mktemp("tables") / name
    whole, coarse = binned(shape, pixel, binning)
    table = oriented_table(positions)
    write_particle_table(path, table, coarse, tomogram="TS_01", relion=relion)
    again = read_particle_table(path, coarse)
    np.testing.assert_allclose(again.particles.centres, table.particles.centres, atol=1e-5)
    fine = read_particle_table(path, {"TS_01": whole})
    np.testing.assert_allclose(fine.particles.centres, table.particles.centres * binning, atol=1e-5)
    np.testing.assert_allclose(again.scores, table.scores, atol=1e-6)
    assert set(again.tomograms) == {"TS_01"}


@pytest.mark.parametrize(("name", "relion"), ORIENTED)
def test_orientations_come_back(name, relion, tmp_path):
    table = oriented_table(np.full((30, 3), 5.0))
    table.particles.rotations[0] = np.eye(3)
    frame = TomogramFrame.of_volume((30, 40, 50), 10.0)
    write_particle_table(tmp_path / name, table, frame, tomogram="TS_01", relion=relion)
    again = read_particle_table(tmp_path / name, frame)
    assert again.oriented
    np.testing.assert_allclose(again.particles.rotations, table.particles.rotations, atol=1e-6)
    assert set(again.particles.pdb_ids) == {"ribosome"}


@pytest.mark.parametrize(("name", "relion"), FORMS)
def test_picks_have_no_orientations(name, relion, tmp_path):
    frame = TomogramFrame.of_volume((30, 40, 50), 10.0)
    for count, sized in product((0, 1, 2), (False, True)):
        sizes = np.tile([121.04, 768.0], (count, 1)) if sized else None
        scores = np.arange(float(count))
        picks = ParticleTable.of_picks("007", np.ones((count, 3)), scores, sizes=sizes)
        write_particle_table(tmp_path / name, picks, frame, tomogram="007", relion=relion)
        again = read_particle_table(tmp_path / name, frame)
        assert len(again) == count
        assert not again.oriented
        if count:
            np.testing.assert_array_equal(again.scores, scores)
        text = (tmp_path / name).read_text()
        assert ("121.0" in text) == (sized and count > 0 and not name.endswith(".json"))
        assert set(again.tomograms) == ({"007"} if count else set())
        np.testing.assert_array_equal(again.particles.rotations, np.tile(np.eye(3), (count, 1, 1)))


@hypothesis.settings(max_examples=25)
@hypothesis.given(positions=POSITIONS, width=st.integers(25, 4100))
def test_relion_5_centre(positions, width, tmp_path_factory):
    """As in RELION's tomogram_set.cpp: centre = w0 / 2.0, in pixels of the tilt series."""
    path = tmp_path_factory.mktemp("tables") / "p.star"
    _, coarse = binned((width, width, width), 1.5, 4)
    table = oriented_table(positions)
    write_particle_table(path, table, coarse, tomogram="TS_01", relion=5)
    written = starfile.read(path)  # a single block: its import reads only the first
    for axis, name in enumerate("ZYX"):
        pixels = written[f"rlnCenteredCoordinate{name}Angst"] / 1.5 + width / 2
        np.testing.assert_allclose(pixels / 4, table.particles.centres[:, axis], atol=1e-5)
    assert next(iter(written)) == "rlnTomoName"


def test_relion_4_and_warp_columns(tmp_path):
    _, coarse = binned((100, 100, 100), 1.5, 4)
    table = oriented_table([[1.0, 2.0, 3.0]])
    write_particle_table(tmp_path / "p.star", table, coarse, tomogram="TS_01", relion=4)
    blocks = starfile.read(tmp_path / "p.star", always_dict=True)
    row = blocks["particles"].iloc[0]
    assert (row.rlnCoordinateX, row.rlnCoordinateY, row.rlnCoordinateZ) == (12, 8, 4)
    assert row.rlnTomoName == row.rlnMicrographName == "TS_01"
    assert blocks["optics"].rlnTomoTiltSeriesPixelSize[0] == 1.5
    assert not [column for column in blocks["particles"] if "Centered" in column]


def test_tables_of_several_tomograms(tmp_path):
    frames = {
        "a": TomogramFrame.of_volume((100, 100, 100), 10.0, 2.5),
        "b": TomogramFrame.of_volume((50, 60, 70), 8.0),
    }
    table = oriented_table(np.arange(12.0).reshape(4, 3))
    mixed = ParticleTable(np.array(list("abba")), table.particles, table.scores, oriented=True)
    for name, relion in (("p.star", 4), ("p.star", 5), ("p.csv", 5)):
        write_particle_table(tmp_path / name, mixed, frames, tomogram="a", relion=relion)
        again = read_particle_table(tmp_path / name, frames)
        assert again.tomograms.tolist() == list("abba")
        np.testing.assert_allclose(again.particles.centres, table.particles.centres, atol=1e-5)
