"""Names of one tomogram in several programs, and the particles of one among many."""

import shutil

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from own_tomograms import dark_spheres, write_tomogram
from ssn3d.averaging.steps import AverageOptions, Inputs, prepare
from ssn3d.core.errors import DataError
from ssn3d.io.particles.frame import TomogramFrame
from ssn3d.io.particles.names import core_name, same_tomogram
from ssn3d.io.particles.of_tomogram import TableOptions, read_particles_of
from ssn3d.io.tomogram import open_tomogram

FORMS = ["{}", "rec_{}", "rec_{}.mrc", "{}.tomostar", "{}_10.00Apx", "{}_Vol", "{}_EVN_Vol",
         "tomograms/{}_full_rec.mrc", "{}.mrc.tomostar", "{}_probability", "{}_bin4"]  # fmt: skip
SHAPE = (48, 64, 72)
HEAD = "tomogram,x_angstrom,y_angstrom,z_angstrom\n"


@hypothesis.given(
    series=st.sampled_from(["TS_01", "Position_1_2", "20240101_g1_b"]),
    forms=st.tuples(st.sampled_from(FORMS), st.sampled_from(FORMS)),
)
def test_names_of_one_tilt_series(series, forms):
    name, other = (form.format(series) for form in forms)
    assert core_name(name) == series
    assert same_tomogram(name, [f"{series}1", other, "TS_2"]) == other
    assert same_tomogram(name, ["TS_011", "TS_1", "Position_1"]) is None


def test_several_fitting_names():
    assert same_tomogram("TS_01", ["rec_TS_01", "TS_01"]) == "TS_01"
    with pytest.raises(DataError, match=r"may be any of tomograms TS_01\.mrc, TS_01_Vol; give one"):
        same_tomogram("rec_TS_01", ["TS_01_Vol", "TS_01.mrc"])


@pytest.fixture(name="tomogram", scope="module")
def give_tomogram(tmp_path_factory):
    """Give a tomogram of 72x64x48 voxels of 10 A, named rec_TS_01."""
    volume = dark_spheres(SHAPE, [[24, 30, 30]], 6)
    path = write_tomogram(tmp_path_factory.mktemp("names") / "rec_TS_01.mrc", volume)
    return open_tomogram(path)


def written(tmp_path, *rows):
    (tmp_path / "p.csv").write_text(HEAD + "".join(f"{row}\n" for row in rows))
    return tmp_path / "p.csv"


def test_particles_of_one_of_several(tomogram, tmp_path):
    path = written(tmp_path, "TS_02,1,2,3", "TS_01.tomostar,10,20,300", "TS_03,1,2,3")
    table = read_particles_of(path, tomogram)
    np.testing.assert_allclose(table.particles.centres, [[30, 2, 1]])
    table = read_particles_of(path, tomogram, TableOptions(name="TS_02"))
    assert table.tomograms.tolist() == ["TS_02"]


def test_particles_of_another_tomogram(tomogram, tmp_path, caplog):
    path = written(tmp_path, *["TS_02,100,200,300"] * 3)
    assert len(read_particles_of(path, tomogram)) == 3
    assert "particles of tomogram TS_02, used for rec_TS_01" in caplog.text
    for options in (TableOptions(name="TS_01"), TableOptions(name="rec_TS_01")):
        with pytest.raises(DataError, match=r"no particles of tomogram .*; give --name, of TS_02"):
            read_particles_of(path, tomogram, options)


def test_messages_list_ten_names(tomogram, tmp_path):
    path = written(tmp_path, *(f"Position_{i},1,2,3" for i in range(1200)))
    with pytest.raises(DataError, match=r"give --name, of Position_0, .* \(1200 in all\)") as error:
        read_particles_of(path, tomogram)
    assert str(error.value).count("Position_") == 10


def test_classes_that_no_table_holds(tomogram, tmp_path):
    (tmp_path / "p.csv").write_text('x,y,z,class\n100,200,300,"a ""b"" \'c\'"\n')
    with pytest.raises(DataError, match=r"class .* cannot be written to a STAR file; rename it"):
        read_particles_of(tmp_path / "p.csv", tomogram)


def test_frame_of_cropped_tomogram(tomogram, tmp_path):
    """In pixels of the tilt series and from the whole tomogram's centre, under the table's name."""
    columns = ["Name", "TiltSeriesPixelSize", "SizeX", "SizeY", "SizeZ"]
    head = "".join(f"_rlnTomo{name} #{i}\n" for i, name in enumerate(columns, 1))
    tomograms = tmp_path / "tomograms.star"
    tomograms.write_text(f"data_global\n\nloop_\n{head}TS_01.tomostar 2.5 400 256 192\n")
    options = TableOptions(tomograms=tomograms, offset_voxels=(28, 0, 0))
    path = written(tmp_path, *(f"TS_01.tomostar,{600 + 20 * i},320,240" for i in range(4)))
    inputs = Inputs(particles=path, tomogram=tomogram.path)
    prepared = prepare(inputs, AverageOptions(diameter_angstrom=120.0, table=options))
    assert set(prepared.table.tomograms) == {"TS_01.tomostar"}
    assert prepared.frames == TomogramFrame((480.0, 640.0, 1000.0), 10.0, 2.5, (0.0, 0.0, 280.0))
    np.testing.assert_allclose(prepared.table.particles.centres[:, 2], [32, 34, 36, 38])


@pytest.mark.parametrize(("file", "listed", "name"), [("rec_12", 12, "12"), ("TS_a", 3, "TS_a")])
def test_numbers_as_names(tomogram, tmp_path, file, listed, name):
    """A number names a tomogram if its file agrees; Dynamo numbers tomograms of other names."""
    volume = shutil.copy(tomogram.path, tmp_path / f"{file}.mrc")
    path = written(tmp_path, *(f"{listed},{280 + 20 * i},320,240" for i in range(4)))
    inputs = Inputs(particles=path, tomogram=volume)
    prepared = prepare(inputs, AverageOptions(diameter_angstrom=120.0))
    assert set(prepared.table.tomograms) == {name}


def test_positions_are_checked(tomogram, tmp_path, caplog):
    outside = written(tmp_path, *["TS_01,8000,20,30"] * 2, "TS_01,10,20,30")
    with pytest.raises(DataError, match=r"2 of 3 particles are outside of .*give --pixel-size"):
        read_particles_of(outside, tomogram)
    one = written(tmp_path, "TS_01,725,20,30", *["TS_01,714,20,30"] * 2)
    read_particles_of(one, tomogram)
    assert "1 of 3 particles are outside" in caplog.text
    caplog.clear()
    read_particles_of(written(tmp_path, *["TS_01,70,60,40"] * 5), tomogram)
    assert "in the corner of" in caplog.text
    caplog.clear()
    read_particles_of(written(tmp_path, *["TS_01,70,60,40"] * 4, "TS_01,70,630,40"), tomogram)
    assert not [record for record in caplog.records if record.levelname == "WARNING"]
