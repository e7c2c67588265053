"""`ssn3d average`: output files, and errors for invalid options and input."""

import math

import numpy as np
import pandas as pd
import pytest
from tilted_specimen import SIZE, VOXEL_ANGSTROM

from commands import error_of
from ssn3d.averaging.options import AverageOptions
from ssn3d.averaging.symmetry import angular_error_deg
from ssn3d.cli.main import main
from ssn3d.core.errors import DataError
from ssn3d.core.particles import Particles
from ssn3d.io.mrc import read_mrc, write_mrc
from ssn3d.io.particles.of_tomogram import read_particles_of
from ssn3d.io.particles.simulated import write_particles
from ssn3d.io.tomogram import open_tomogram

FILES = {"average.mrc", "half1.mrc", "half2.mrc", "fsc.csv", "particles.star", "particles.csv"}


@pytest.fixture(scope="session")
def files(specimen, tmp_path_factory):
    """Return a folder with the specimen's files; all picks have one orientation."""
    folder = tmp_path_factory.mktemp("average")
    write_mrc(folder / "tomogram.mrc", specimen.tomogram, VOXEL_ANGSTROM)
    write_mrc(folder / "labels.mrc", specimen.labels, VOXEL_ANGSTROM)
    write_mrc(folder / "map.mrc", -specimen.map, VOXEL_ANGSTROM)  # bright
    write_particles(folder / "truth.star", specimen.particles, "tomogram", VOXEL_ANGSTROM)
    truth = specimen.particles
    same = np.tile(truth.rotations[0], (len(truth), 1, 1))
    picks = Particles(truth.pdb_ids, np.rint(truth.centres), same)
    write_particles(folder / "picks.star", picks, "tomogram", VOXEL_ANGSTROM)
    return folder


def arguments(files, output, *options, picks="picks.star"):
    command = ["average", str(files / picks), "--tomogram", str(files / "tomogram.mrc")]
    command += ["--diameter", "150", "--output", str(output), "--max-shift", "10"]
    return [*command, "--rounds", "1", *options]


def test_average_files(files, specimen, tmp_path):
    maps = [str(files / "map.mrc")] * 2
    options = ["--reference", maps[0], "--truth", maps[1], "--masks", str(files / "labels.mrc")]
    main(arguments(files, tmp_path / "new", *options, "--box", str(SIZE)))
    assert {path.name for path in (tmp_path / "new").iterdir()} == FILES | {
        "average.png",
        "average.svg",
    }
    volume, voxel_size_angstrom = read_mrc(tmp_path / "new" / "average.mrc", (SIZE,) * 3)
    assert voxel_size_angstrom == VOXEL_ANGSTROM
    inside = specimen.map < 0.3 * specimen.map.min()
    assert np.corrcoef(volume[inside], specimen.map[inside])[0, 1] > 0.8
    assert volume[inside].mean() < volume[~inside].mean()  # dark
    tomogram = open_tomogram(files / "tomogram.mrc")
    found = read_particles_of(tmp_path / "new" / "particles.star", tomogram).particles
    table = pd.read_csv(tmp_path / "new" / "particles.csv")
    assert table["row"].tolist() == list(range(1, 33))
    error = angular_error_deg(specimen.particles.rotations, found.rotations)
    assert np.median(error) < 8
    off = np.linalg.norm(found.centres - specimen.particles.centres, axis=1)
    assert np.median(off) < 0.4
    fsc = pd.read_csv(tmp_path / "new" / "fsc.csv")
    assert fsc["resolution_angstrom"].iloc[0] == SIZE * VOXEL_ANGSTROM
    assert (fsc[["half_maps", "truth"]].iloc[:4] > 0.8).all(axis=None)


def test_rows_of_input(files, tmp_path, caplog):
    """The table has particles of another tomogram, and one at the border."""
    whole = read_particles_of(files / "picks.star", open_tomogram(files / "tomogram.mrc"))
    centres = whole.particles.centres.copy()
    centres[5] = 0  # its box leaves the tomogram
    names = np.where(np.arange(32) % 3 == 0, "other", "tomogram")
    rows = pd.DataFrame({"tomogram": names})
    rows[["z_angstrom", "y_angstrom", "x_angstrom"]] = centres * VOXEL_ANGSTROM
    rows.to_csv(tmp_path / "picks.csv", index=False)
    maps = ["--reference", str(files / "map.mrc"), "--rounds", "0", "--box", str(SIZE)]
    maps += ["--tilts", "-75", "75"]
    main(arguments(files, tmp_path / "new", *maps, picks=tmp_path / "picks.csv"))
    found = pd.read_csv(tmp_path / "new" / "particles.csv")["row"].to_numpy() - 1
    assert found.tolist() == [row for row in range(32) if row % 3 and row != 5]
    assert "degrees only, but --tilts are -75 75" in caplog.text
    tomogram = open_tomogram(files / "tomogram.mrc")
    moved = read_particles_of(tmp_path / "new" / "particles.star", tomogram).particles.centres
    assert np.linalg.norm(moved - centres[found], axis=1).max() < 2


def test_input_errors(files, specimen, tmp_path, capsys):
    write_mrc(tmp_path / "small.mrc", specimen.labels[:20], VOXEL_ANGSTROM)
    write_mrc(tmp_path / "fine.mrc", specimen.map, 5.0)
    write_particles(tmp_path / "three.star", specimen.particles[:3], "tomogram", VOXEL_ANGSTROM)
    out = tmp_path / "new"
    wrong = {
        "masks of shape": ["--masks", str(tmp_path / "small.mrc")],
        "voxels of 5 A": ["--reference", str(tmp_path / "fine.mrc")],
        "has the symmetry D5": ["--reference", str(files / "map.mrc"), "--symmetry", "D5"],
        "give an even --box": ["--box", "13"],
        "give a smaller one, or a larger --box": ["--box", str(SIZE), "--max-shift", "131"],
    }
    for match, options in wrong.items():
        assert match in error_of(arguments(files, out, *options), capsys)
    picks = {"give at least 4": tmp_path / "three.star", "not text in UTF-8 or": "map.mrc"}
    for match, name in picks.items():
        assert match in error_of(arguments(files, out, picks=name), capsys)
    assert not out.exists()


WRONG = {
    "diameter_angstrom": [0, -1, math.nan, math.inf],
    "first_resolution_angstrom": [0, -5, math.nan],
    "max_shift_angstrom": [-1, math.nan],
    "rounds": [-1],
    "seed": [-1],
    "threads": [0],
    "symmetry": ["X3"],
    "tilt_range_deg": [(60, -60), (0, 0), (-95, 60), (-60, math.nan)],
}


@pytest.mark.parametrize(("name", "value"), [(k, v) for k, all_ in WRONG.items() for v in all_])
def test_impossible_options(name, value):
    with pytest.raises(DataError, match="; give "):
        AverageOptions(**{"diameter_angstrom": 100.0, name: value})
