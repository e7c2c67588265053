"""Coordinates in every unit that programs write end in the same voxels, or are refused."""

import logging

import numpy as np
import pytest

from ssn3d.core.errors import DataError
from ssn3d.io.particles.files import read_particle_table, write_particle_table
from ssn3d.io.particles.frame import TomogramFrame
from ssn3d.io.particles.table import ParticleTable

XYZ = np.array([[18.5, 31.0, 21.0], [60.0, 2.5, 40.0], [7.5, 55.0, 3.0]])  # voxels of 10 A
SHAPE = (48, 64, 72)
FRAME = TomogramFrame.of_volume(SHAPE, 10.0)
UNKNOWN = TomogramFrame((np.nan,) * 3, 1.0, np.nan)
SIZE = np.array(SHAPE[::-1])
PIXELS = ["rlnCoordinateX", "rlnCoordinateY", "rlnCoordinateZ"]
OF_PYTOM = [name.replace("rln", "ptm") for name in PIXELS]
OF_M = ["wrpCoordinateX1", "wrpCoordinateY1", "wrpCoordinateZ1"]
OLD_ORIGINS = ["rlnOriginX", "rlnOriginY", "rlnOriginZ"]
ORIGINS = [f"{name}Angst" for name in OLD_ORIGINS]


def block(name, titles, rows):
    head = "".join(f"_{title} #{i}\n" for i, title in enumerate(titles, 1))
    body = "".join(" ".join(map(str, row)) + "\n" for row in rows)
    return f"data_{name}\n\nloop_\n{head}{body}\n"


def star(tmp_path, titles, rows, before=""):
    path = tmp_path / "p.star"
    path.write_text(before + block("particles", titles, rows))
    return path


def beside(values, *more):
    """Put the same values into more columns of each row."""
    return [[*row, *more] for row in np.asarray(values).tolist()]


@pytest.mark.parametrize(
    ("titles", "rows"),
    [
        (PIXELS, XYZ),
        (OF_PYTOM, XYZ),
        (PIXELS, XYZ / SIZE),  # Warp's template matching
        ([*PIXELS, "rlnLCCmax", "rlnDetectorPixelSize"], beside(XYZ * 4, 0.5, 2.5)),
        ([*OF_PYTOM, "ptmLCCmax", "ptmDetectorPixelSize"], beside(XYZ * 4, 0.5, 2.5)),
        ([*PIXELS, "rlnMagnification", "rlnDetectorPixelSize"], beside(XYZ * 4, 20000, 5)),
        ([*PIXELS, *OLD_ORIGINS], beside(XYZ + np.array([5, 6, -7]), 5, 6, -7)),
        (
            [*PIXELS, *OLD_ORIGINS, "rlnPixelSize"],
            beside(2 * XYZ + np.array([5, 6, 0]), 5, 6, 0, 5),
        ),
        ([*PIXELS, *OLD_ORIGINS[:2]], beside(XYZ + np.array([5, 6, 0]), 5, 6)),
        ([*PIXELS, *OLD_ORIGINS, *ORIGINS], beside(XYZ + np.array([1, 2, 3]), 9, 9, 9, 10, 20, 30)),
        (
            [*PIXELS, *OLD_ORIGINS, "rlnMicrographPixelSize", "rlnImagePixelSize"],
            beside(2 * XYZ + np.array([2, 4, 6]), 1, 2, 3, 5, 10),
        ),
    ],
)
def test_units_in_star_files(titles, rows, tmp_path):
    centres = read_particle_table(star(tmp_path, titles, rows), FRAME).particles.centres
    np.testing.assert_allclose(centres, XYZ[:, ::-1], atol=1e-9)


def test_given_pixel_size_counts(tmp_path):
    path = star(tmp_path, PIXELS, XYZ / SIZE)
    np.testing.assert_allclose(
        read_particle_table(path, FRAME, 20.0).particles.centres, (XYZ / SIZE * 2)[:, ::-1]
    )
    path = star(tmp_path, [*OF_M, "wrpSourceName"], beside(XYZ * 10, "TS_01.tomostar"))
    with pytest.raises(DataError, match=r"give --pixel-size \(1 if"):
        read_particle_table(path, FRAME)
    table = read_particle_table(path, FRAME, 1.0)
    np.testing.assert_allclose(table.particles.centres, XYZ[:, ::-1])
    assert set(table.tomograms) == {"TS_01.tomostar"}


def test_general_block_and_optics_groups(tmp_path):
    general = "data_general\n\n_rlnTomoSubTomosAre2DStacks 1\n\n"
    groups = ["rlnOpticsGroup", "rlnTomoTiltSeriesPixelSize"]
    before = general + block("optics", groups, [[3, 2.5], [1, 5]])
    values = [[*(XYZ[0] * 4), 3], [*(XYZ[1] * 2), "1"], [*(XYZ[2] * 2), 1]]
    path = star(tmp_path, [*PIXELS, "rlnOpticsGroup"], values, before)
    centres = read_particle_table(path, FRAME).particles.centres
    np.testing.assert_allclose(centres, XYZ[:, ::-1])


GROUP = [*PIXELS, "rlnOpticsGroup"]
OPTICS = ["rlnOpticsGroup", "rlnTomoTiltSeriesPixelSize"]


@pytest.mark.parametrize(
    ("titles", "rows", "optics", "message"),
    [
        (GROUP, beside(XYZ, 7), [[1, 2.5], [2, 2.5]], "optics group 7 is not in its optics table"),
        (GROUP, beside(XYZ, 7), [[1, 2.5]], "optics group 7 is not in its optics table"),
        (GROUP, beside(XYZ, 1), [[1, 2.5], [1, 3]], "group 1 is listed with two pixel sizes"),
        (PIXELS, XYZ, [[1, 2.5], [2, 3]], "optics of several pixel sizes, but particles have no"),
        (GROUP, beside(XYZ, 1), [[1, 0]], "rlnTomoTiltSeriesPixelSize is not above 0"),
        (GROUP, beside(XYZ, 1), [[1, "x"]], "rlnTomoTiltSeriesPixelSize holds no numbers"),
    ],
)
def test_faulty_optics(titles, rows, optics, message, tmp_path):
    path = star(tmp_path, titles, rows, block("optics", OPTICS, optics))
    with pytest.raises(DataError, match=message):
        read_particle_table(path, FRAME)


@pytest.mark.parametrize(
    ("titles", "rows", "message"),
    [
        (PIXELS, XYZ, "pixels of unknown size; give the tomogram or --pixel-size"),
        (PIXELS, XYZ / SIZE, "fractions of a tomogram's size; give the tomogram"),
        (
            [f"rlnCenteredCoordinate{a}Angst" for a in "XYZ"],
            XYZ,
            "centre of a tomogram of unknown size; give the tomogram",
        ),
    ],
)
def test_unknown_units_are_refused(titles, rows, message, tmp_path):
    with pytest.raises(DataError, match=message):
        read_particle_table(star(tmp_path, titles, rows), UNKNOWN)


@pytest.mark.parametrize("name", ["p.star", "p.csv", "a_1_b.json"])
@pytest.mark.parametrize("relion", [4, 5])
def test_cropped_tomograms(name, relion, tmp_path):
    """Written from a crop, particles are where the whole tomogram has them, and back."""
    size = tuple(n * 10.0 for n in SHAPE)
    whole = TomogramFrame(size, 10.0, 2.5)
    cropped = TomogramFrame(size, 10.0, 2.5, (30.0, 0.0, 125.0))
    picks = ParticleTable.of_picks("t", XYZ[:, ::-1], np.arange(3.0))
    write_particle_table(tmp_path / name, picks, cropped, tomogram="t", relion=relion)
    again = read_particle_table(tmp_path / name, {"t": cropped}).particles.centres
    np.testing.assert_allclose(again, XYZ[:, ::-1], atol=1e-5)
    there = read_particle_table(tmp_path / name, whole).particles.centres
    np.testing.assert_allclose(there, XYZ[:, ::-1] + [3, 0, 12.5], atol=1e-5)


def test_assumed_units_are_logged(tmp_path, caplog):
    caplog.set_level(logging.INFO, "ssn3d")
    read_particle_table(star(tmp_path, PIXELS, XYZ), FRAME)
    read_particle_table(star(tmp_path, PIXELS, XYZ / SIZE), FRAME)
    (tmp_path / "p.csv").write_text("x,y,z\n1,2,3\n")
    read_particle_table(tmp_path / "p.csv", FRAME)
    (tmp_path / "p.csv").write_text("1,2,3\n")
    read_particle_table(tmp_path / "p.csv", FRAME)
    first, second, third, fourth = caplog.messages
    assert "no pixel size in it; coordinates are in pixels of 10 A (--pixel-size)" in first
    assert "fractions of the tomogram's size" in second
    assert "x, y and z are in units of 1 A (--pixel-size)" in third
    assert "x, y, z in voxels of 10 A (--pixel-size 1 if in angstrom)" in fourth


def test_missing_scores_and_several_loops(tmp_path):
    titles, rows = [*PIXELS, "rlnAutopickFigureOfMerit"], beside(XYZ, "nan")
    rows[1][-1], rows[2][-1] = "<NA>", "0.5"
    text = block("", titles, rows)
    for before in ("data_\n_rlnVersion 5\n", block("", ["rlnA"], [[7]])):
        (tmp_path / "p.star").write_text(before + text.removeprefix("data_\n"))
        table = read_particle_table(tmp_path / "p.star", FRAME)
        np.testing.assert_allclose(table.particles.centres, XYZ[:, ::-1])
        np.testing.assert_array_equal(table.scores, [np.nan, np.nan, 0.5])
