"""CSV in any dialect, and lists of points: told by content, read or refused with the reason."""

import json

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from ssn3d.core.errors import DataError
from ssn3d.io.particles.files import read_particle_table, write_particle_table
from ssn3d.io.particles.frame import TomogramFrame
from ssn3d.io.particles.table import ParticleTable
from ssn3d.io.star_file import fits_star

XYZ = np.array([[18.5, 31.0, 21.0], [60.0, 2.5, 40.0], [7.5, 55.0, 3.0]])
FRAME = TomogramFrame.of_volume((48, 64, 72), 10.0)
UNKNOWN = TomogramFrame((np.nan,) * 3, 1.0, np.nan)
POINTS = [{"type": "point", "location": dict(zip("xyz", row, strict=True))} for row in XYZ.tolist()]
TITLES = st.sampled_from([
    ("x_angstrom", "y_angstrom", "z_angstrom"), ("X_Angstrom", " Y_ANGSTROM", "z_angstrom "),
    ("x", "y", "z"),
])  # fmt: skip


@hypothesis.settings(max_examples=60)
@hypothesis.given(
    titles=TITLES,
    separator=st.sampled_from([",", ";", "\t", "|", ", ", " ", "   "]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"]),
    newline=st.sampled_from(["\n", "\r\n", "\r"]),
    decimal=st.sampled_from([".", ","]),
    trailing=st.integers(0, 2),
    comment=st.booleans(),
)
def test_csv_dialects(
    titles, separator, encoding, newline, decimal, trailing, comment, tmp_path_factory
):
    hypothesis.assume(decimal == "." or not separator.startswith(","))
    end = separator * trailing
    if not separator.strip(" "):
        titles = [title.strip() for title in titles]
    lines = ["# from a spreadsheet"] * comment + [separator.join(titles)]
    for row in (XYZ * 10).tolist():
        lines.append(separator.join(f"{n:.3f}".replace(".", decimal) for n in row) + end)
    path = tmp_path_factory.mktemp("csv") / "p.csv"
    path.write_bytes((newline.join(lines) + newline).encode(encoding))
    centres = read_particle_table(path, FRAME).particles.centres
    np.testing.assert_allclose(centres, XYZ[:, ::-1])


@hypothesis.settings(max_examples=40)
@hypothesis.given(name=st.text(min_size=1, max_size=9).filter(fits_star))
@pytest.mark.parametrize("file", ["p.star", "p.csv", "a_1_b.json"])
def test_any_tomogram_name_comes_back(file, name, tmp_path_factory):
    path = tmp_path_factory.mktemp("names") / file
    picks = ParticleTable.of_picks(name, XYZ, np.arange(3.0))
    write_particle_table(path, picks, FRAME, tomogram=name)
    again = read_particle_table(path, FRAME)
    assert again.tomograms.tolist() == [name] * 3
    np.testing.assert_allclose(again.particles.centres, XYZ, atol=1e-5)


def test_columns_of_copick_and_napari(tmp_path):
    path = tmp_path / "p.csv"
    rows = "".join(f"TS_1,ribosome,{x},{y},{z},0.5\n" for x, y, z in XYZ * 10)
    path.write_text(f"experiment,particle_type,x,y,z,score\n{rows}")
    table = read_particle_table(path, FRAME)
    assert set(table.tomograms) == {"TS_1"}
    assert set(table.particles.pdb_ids) == {"ribosome"}
    assert table.scores.tolist() == [0.5] * 3
    np.testing.assert_allclose(table.particles.centres, XYZ[:, ::-1])
    rows = "".join(f"{i},{z},{y},{x}\n" for i, (x, y, z) in enumerate(XYZ))
    path.write_text(f"index,axis-0,axis-1,axis-2\n{rows}")
    np.testing.assert_allclose(read_particle_table(path, FRAME).particles.centres, XYZ[:, ::-1])


@pytest.mark.parametrize("title", ["tilt_series", "rlnTomoName", "tomo"])
def test_names_of_the_column_of_tomograms(title, tmp_path, caplog):
    path = tmp_path / "p.csv"
    path.write_text(f"{title},x,y,z,score\nTS_1,1,2,3,4\n")
    assert read_particle_table(path, FRAME).tomograms.tolist() == ["TS_1"]
    assert not [record for record in caplog.records if record.levelname == "WARNING"]
    path.write_text("series,x,y,z,psi\nTS_1,1,2,3,4\n")
    assert read_particle_table(path, FRAME).tomograms.tolist() == [""]
    assert "since no column is tomogram or " in caplog.text
    assert "not read are psi, series" in caplog.text


def test_voxel_lists_are_told_by_content(tmp_path):
    coords = "".join(f"{x} {y}\t{z}\n" for x, y, z in XYZ)
    portal = "\n".join(json.dumps(point) for point in POINTS)
    commas = "# x, y, z\n" + "".join(f"{x},{y};{z} # {x} A\n\n" for x, y, z in XYZ)
    lists = [("p.coords", coords), ("p.csv", coords), ("p.csv", commas)]
    for name, text in [*lists, ("p.json", portal), ("p", portal)]:
        path = tmp_path / name
        path.write_text(text)
        for pixel, factor in ((None, 1), (5.0, 0.5)):
            table = read_particle_table(path, FRAME, pixel)
            np.testing.assert_allclose(table.particles.centres, XYZ[:, ::-1] * factor)
        with pytest.raises(DataError, match="voxels of unknown size; give the tomogram or --pixel"):
            read_particle_table(path, UNKNOWN)
        np.testing.assert_allclose(read_particle_table(path, UNKNOWN, 10.0).particles.centres[0],
                                   XYZ[0, ::-1] * 10)  # fmt: skip


def test_portal_orientations(tmp_path):
    turn = [[0, -1, 0], [1, 0, 0], [0, 0, 1]]  # x to y
    lines = [json.dumps(point | {"xyz_rotation_matrix": turn}) for point in POINTS]
    (tmp_path / "p.ndjson").write_text("\n".join(lines))
    table = read_particle_table(tmp_path / "p.ndjson", FRAME)
    assert table.oriented
    np.testing.assert_allclose(table.particles.rotations[0] @ [0, 0, 1], [0, 1, 0])


def test_dynamo_tables(tmp_path):
    rows = np.zeros((3, 35))
    rows[:, 3:6], rows[:, 9], rows[:, 19], rows[:, 23:26] = 0.5, 0.25, [7, 7, 1234567], XYZ - 0.5
    np.savetxt(tmp_path / "p.tbl", rows, fmt="%.9g")
    table = read_particle_table(tmp_path / "p.tbl", FRAME)
    np.testing.assert_allclose(table.particles.centres, XYZ[:, ::-1])
    assert table.tomograms.tolist() == ["7", "7", "1234567"]
    assert table.scores.tolist() == [0.25] * 3
