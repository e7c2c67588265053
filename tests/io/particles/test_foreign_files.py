"""Files as other programs write them, and damaged ones."""

import json

import numpy as np
import pytest

from ssn3d.core.errors import DataError
from ssn3d.core.particles import Particles
from ssn3d.io.particles.files import read_particle_table
from ssn3d.io.particles.frame import TomogramFrame, read_tomograms_star
from ssn3d.io.particles.simulated import rotations_from_euler, write_particles

FRAME = TomogramFrame.of_volume((100, 200, 200), 8.0, 2.0)
HEAD = "data_particles\n\nloop_\n_rlnTomoName #1\n"
COORDINATES = "_rlnCoordinateX #2\n_rlnCoordinateY #3\n_rlnCoordinateZ #4\n"


def star(tmp_path, text):
    path = tmp_path / "p.star"
    path.write_text(text)
    return path


def test_simulated_truth_is_read(tmp_path):
    centres = np.array([[1.0, 2.0, 3.0], [4.5, 5.5, 6.5]])
    rotations = rotations_from_euler(np.array([[10.0, 20, 30], [40, 50, 60]]))
    truth = Particles(np.array(["1KP8", "2GLS"]), centres, rotations)
    write_particles(tmp_path / "particles.star", truth, "t1", 10.0)
    frame = TomogramFrame.of_volume((30, 40, 50), 10.0)
    table = read_particle_table(tmp_path / "particles.star", frame)
    np.testing.assert_allclose(table.particles.centres, centres, atol=1e-6)
    np.testing.assert_allclose(table.particles.rotations, rotations, atol=1e-6)
    assert table.particles.pdb_ids.tolist() == ["1KP8", "2GLS"]
    assert np.isnan(table.scores).all()


@pytest.mark.parametrize(
    ("optics", "column", "pixel"),
    [
        ("_rlnImagePixelSize #2\n_rlnTomoTiltSeriesPixelSize #3\n1 8.0 2.5\n", "", 2.5),
        ("_rlnImagePixelSize #2\n1 4.0\n", "", 4.0),
        ("_rlnVoltage #2\n1 300\n", "", 2.0),  # the frame's
        ("_rlnVoltage #2\n1 300\n", "_rlnPixelSize #5\n", 5.0),  # Warp's
    ],
)
def test_pixel_size_of_each_program(optics, column, pixel, tmp_path):
    optics = "data_optics\n\nloop_\n_rlnOpticsGroup #1\n" + optics + "\n"
    row = "TS_01 40 80 120" + (" 5.0" if column else "") + "\n"
    path = star(tmp_path, optics + HEAD + COORDINATES + column + row)
    table = read_particle_table(path, FRAME)
    np.testing.assert_allclose(table.particles.centres, np.array([[120, 80, 40]]) * pixel / 8)
    overridden = read_particle_table(path, FRAME, 16.0)
    np.testing.assert_allclose(overridden.particles.centres, [[240, 160, 80]])


def test_origins_are_rotated_and_subtracted(tmp_path):
    """RELION: position = coordinate - A_subtomogram origin, orientation = A_subtomogram A."""
    columns = [f"_rlnOrigin{axis}Angst" for axis in "XYZ"]
    columns += [f"_rlnTomoSubtomogram{angle}" for angle in ("Rot", "Tilt", "Psi")]
    columns += [f"_rlnAngle{angle}" for angle in ("Rot", "Tilt", "Psi")]
    head = HEAD + COORDINATES + "".join(f"{column} #{i}\n" for i, column in enumerate(columns, 5))
    path = star(
        tmp_path, head + "a 100 100 100 8 16 24 90 0 0 0 0 0\na 100 100 100 8 16 24 0 0 0 0 90 0\n"
    )
    table = read_particle_table(path, FRAME)
    # RELION's matrix of rot = 90 degrees turns (8, 16, 24) into (16, -8, 24)
    np.testing.assert_allclose(table.particles.centres[0], [25 - 3, 25 + 1, 25 - 2], atol=1e-9)
    np.testing.assert_allclose(table.particles.centres[1], [25 - 3, 25 - 2, 25 - 1], atol=1e-9)
    quarter = np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]])  # z, y, x: x goes to -y
    np.testing.assert_allclose(table.particles.rotations[0], quarter, atol=1e-9)


def test_tomograms_star_gives_unbinned_sizes(tmp_path):
    path = star(
        tmp_path,
        "data_global\n\nloop_\n_rlnTomoName #1\n_rlnTomoTiltSeriesPixelSize #2\n"
        "_rlnTomoTomogramBinning #3\n_rlnTomoSizeX #4\n_rlnTomoSizeY #5\n_rlnTomoSizeZ #6\n"
        "TS_01 1.5 4 4000 3000 1001\nTS_02 2 1 100 100 50\n",
    )
    frames = read_tomograms_star(path)
    assert frames["TS_01"] == TomogramFrame((1501.5, 4500.0, 6000.0), 6.0, 1.5)
    assert frames["TS_02"].voxel_size_angstrom == 2
    picks = tmp_path / "picks.star"
    centred = "".join(f"_rlnCenteredCoordinate{a}Angst #{i}\n" for i, a in enumerate("XYZ", 2))
    picks.write_text(HEAD + centred + "TS_01 0 0 0\n")
    centre = read_particle_table(picks, frames).particles.centres
    np.testing.assert_allclose(centre, [[1001 / 8, 375, 500]])
    alone = {"TS_02": frames["TS_02"]}
    picks.write_text(HEAD + centred + "TS_02.tomostar 0 0 0\n")
    np.testing.assert_allclose(read_particle_table(picks, frames).particles.centres, [[25, 50, 50]])
    picks.with_suffix(".csv").write_text("x,y,z\n20,30,40\n")
    centre = read_particle_table(picks.with_suffix(".csv"), alone).particles.centres
    np.testing.assert_allclose(centre, [[20, 15, 10]])
    picks.write_text(HEAD + centred + "TS_09 0 0 0\n")
    with pytest.raises(DataError, match="TS_09: no such tomogram; known are TS_01, TS_02"):
        read_particle_table(picks, frames)
    path.write_text(path.read_text() + "TS_01 2 1 100 100 50\n")
    with pytest.raises(DataError, match="TS_01 is listed twice"):
        read_tomograms_star(path)


def test_copicks_matrix_also_shifts(tmp_path):
    matrix = [[0, -1, 0, 10], [1, 0, 0, 20], [0, 0, 1, 30], [0, 0, 0, 1]]
    point = {"location": {"x": 70.0, "y": 60.0, "z": 50.0}, "transformation_": matrix}
    path = tmp_path / "p.json"
    path.write_text(json.dumps({"points": [point, {"location": point["location"]}]}))
    table = read_particle_table(path, FRAME)
    np.testing.assert_allclose(table.particles.centres, [[10, 10, 10], [6.25, 7.5, 8.75]])
    x, y = np.array([0, 0, 1]), np.array([0, 1, 0])
    np.testing.assert_allclose(table.particles.rotations[0] @ x, y)


CSV = "x_angstrom,y_angstrom,z_angstrom,class\n"
FLAT = json.dumps(
    {
        "points": [
            {"location": {"x": 1, "y": 2, "z": 3}, "transformation_": np.zeros((4, 4)).tolist()}
        ]
    }
)
POINT = '{"location": {"x": %s, "y": 2, "z": 3}, "xyz_rotation_matrix": %s}'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "it is empty; give another file"),
        ("data_particles\n", "no rlnCoordinateX, Y and Z, nor .*, in data_particles"),
        (HEAD + "a\n", "no rlnCoordinateX"),
        (HEAD + COORDINATES + "a 1 2 nan\n", "NaN or infinity"),
        (HEAD + COORDINATES + "a 1 2 x\n", "holds no numbers"),
        ("data_\n_rlnTomoParticlesFile a/p.star\n", "give its particles, a/p.star"),
        ("{}", "lacks points"),
        ('{"points": [{"location": {"x": 1}}]}', "not picks of copick"),
        (FLAT, "the transformation of point 0 is no rotation"),
        (POINT % (1, "[[1, 0, 0], [0, 1, 0], [0, 0, 0]]"), "point 0 is no rotation"),
        ('{"points": [], "unit": "pixel"}', "convert its positions to angstrom"),
        ("x,y\n1,2\n", "no columns x_angstrom, .* x, y, separated by commas"),
        ("a,b,c\n1,2,3\n", "no columns x_angstrom"),
        ("1 2 3 4\n", "line 1 has 4 numbers, neither x, y, z nor a row of Dynamo"),
        ("x_angstrom,y_angstrom,z_angstrom\n1,2,\n", "empty or not finite"),
        (CSV + "1,2,3,a\n1,2,3\n", "line 3 has 3 cells, but there are 4 titles, separated by com"),
        (CSV + "1,2,3,a,b\n", "line 2 has 5 cells, but there are 4 titles"),
        (CSV + '1,"1.234,5",3,a\n', "line 2, y_angstrom: '1.234,5' is not a number"),
        ("x,y,z,Y\n1,2,3,4\n", "column y is there twice"),
        ("x_px,y_px,z_px\n1,2,3\n", "rename its columns, .* x_px, y_px, z_px, separated by commas"),
        ('{"boxes_3d": [[1, 2, 3, "manual"]]}', "EMAN2's boxes_3d are not read"),
        ('{"a": 1}', "neither copick's picks .* nor the CryoET Data Portal's; convert it to CSV"),
        ('{"points": [', "not a readable JSON file"),
        ('{"location": {"x": 1}}\n', "line 1 is no point"),
        (POINT % ("1" + 400 * "0", "null"), "line 1 is no point"),
        (POINT % (2, "[[1, 0, 0], [0, 1, 0], [0, 0, null]]"), "orientations are .* not finite"),
        ('{"points": [' + POINT % ("1" + 400 * "0", 1) + "]}", "not picks of copick"),
        ("1 2 3\n1 2\n", "line 2 does not have 3 finite numbers"),
        (",,,\n", "no columns x_angstrom"),
        ("1 2 3\n1 2 x\n", "line 2 holds no numbers"),
    ],
)
def test_damage_is_one_line(text, message, tmp_path):
    """The format is recognised by the content, whatever the suffix."""
    (tmp_path / "p.dat").write_text(text)
    with pytest.raises(DataError, match=message) as caught:
        read_particle_table(tmp_path / "p.dat", FRAME)
    assert "\n" not in str(caught.value)
    assert "delete" not in str(caught.value)
