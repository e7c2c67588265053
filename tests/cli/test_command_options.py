"""Options of the command line: checked before any file is read."""

import argparse
import os
import subprocess
import sys

import numpy as np
import pytest

from commands import error_of
from own_tomograms import dark_spheres, write_tomogram
from ssn3d.cli.main import _parser, main
from ssn3d.io.mrc import write_mrc

REQUIRED = {
    "average": ["none.star", "--tomogram", "none.mrc", "--diameter", "9", "--output", "o"],
    "measure": ["none.mrc", "--output", "o"],
    "pick": ["none.mrc", "--output", "o.star"],
    "score": ["none.star", "--truth", "none.star"],
    "segment": ["none.mrc", "--output", "o"],
}


def numeric_options():
    """List each command's options that take numbers: (command, option, values)."""
    parser = _parser()
    (commands,) = (a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    for command, of_command in commands.choices.items():
        for action in of_command._actions:
            if action.type not in {None, str.upper}:
                yield command, action.option_strings[0], action.nargs or 1


@pytest.mark.parametrize(("command", "option", "number"), list(numeric_options()))
def test_values_that_are_no_numbers(command, option, number, capsys):
    for value in ("nan", "inf", "-inf", "ten", ""):
        arguments = [command, *REQUIRED[command], option, *[value] * number]
        assert f"argument {option}: " in error_of(arguments, capsys, 2)


@pytest.mark.parametrize(
    ("command", "option", "values"),
    [
        ("average", "--tilts", ["-60", "91"]),
        ("average", "--rounds", ["-1"]),
        ("average", "--rounds", ["1.5"]),
        ("average", "--first-resolution", ["0"]),
        ("average", "--max-shift", ["-5"]),
        ("average", "--seed", ["-1"]),
        ("average", "--box", ["0"]),
        ("average", "--classes", ["0"]),
        ("pick", "--max", ["0"]),
        ("pick", "--voxel-size", ["-1"]),
        ("segment", "--voxel-size", ["0"]),
        ("segment", "--threshold", ["1"]),
        ("score", "--parameters", ["0"]),
    ],
)
def test_numbers_out_of_range(command, option, values, capsys):
    line = error_of([command, *REQUIRED[command], option, *values], capsys, 2)
    assert f"argument {option}: " in line
    assert values[-1] in line


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["--tilts", "60", "-60"], "tilt range 60 -60; give the lowest"),
        (["--tilts", "0", "0"], "tilt range 0 0; give the lowest"),
        (["--symmetry", "I2"], "symmetry 'I2' is unknown; give"),
    ],
)
def test_average_checks_before_reading(values, message, capsys):
    assert message in error_of(["average", *REQUIRED["average"], *values], capsys)


def test_numbers_in_range():
    values = ["--tilts", "-51", "54", "--seed", "0", "--rounds", "0", "--max-shift", "0"]
    found = _parser().parse_args(["average", *REQUIRED["average"], *values, "--symmetry", "d7"])
    assert (found.tilts, found.seed, found.rounds) == ([-51, 54], 0, 0)
    assert (found.max_shift, found.symmetry) == (0, "D7")


@pytest.mark.parametrize(
    ("name", "content", "option", "kind"),
    [
        ("picks.csv", b"x,y,z\n1,2,3\n", ["--threshold", "1"], "a table of picks"),
        ("picks.csv", b"x,y,z\n1,2,3\n", ["--trained-on", "A"], "a table of picks"),
        ("labels.mrc", bytes(1024), ["--distance", "9"], "a volume"),
        ("labels.mrc", bytes(1024), ["--name", "t"], "a volume"),
        ("masks.h5", bytes(1024), ["--voxel-size", "9"], "masks of subtomograms"),
    ],
)
def test_score_refuses_options_of_other_files(name, content, option, kind, tmp_path, capsys):
    (tmp_path / name).write_bytes(content)
    line = error_of(["score", tmp_path / name, "--truth", "none", *option], capsys)
    assert f"{name}: {kind}" in line
    assert f"has no {option[0]};" in line
    line = error_of(["score", tmp_path / "typo.mrc", "--truth", "none"], capsys)
    assert "typo.mrc: no such file" in line


@pytest.mark.parametrize("relion", ["4", "5"])
def test_import_list_of_earlier_picks_is_removed(relion, tmp_path):
    """It names the table, which now holds no picks, or is for RELION 4."""
    write_mrc(tmp_path / "t_labels.mrc", np.zeros((8, 8, 8), np.float32), 10.0)
    (tmp_path / "picks_import.star").touch()
    files = [str(tmp_path / "t_labels.mrc"), "--output", str(tmp_path / "picks.star")]
    main(["pick", *files, "--method", "segmentation", "--relion", relion])
    assert not (tmp_path / "picks_import.star").exists()


def test_names_of_files_that_are_not_utf8(tmp_path):
    """In a process of its own: what pytest captures goes between processes as UTF-8."""
    name = os.fsdecode(b"lat\xf6.mrc")
    spheres = dark_spheres((24, 32, 32), [(12, 16, 16)], 5)
    try:
        path = str(write_tomogram(tmp_path / name, spheres))
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    start = [sys.executable, "-c", "from ssn3d.cli.main import main\nmain()", "pick", path]
    command = [*start, "--output", str(tmp_path / "p.star"), "--diameter", "100"]
    refused = subprocess.run(command, capture_output=True, check=False)
    assert refused.returncode == 1
    assert b"--name" in refused.stderr.splitlines()[-1]
    subprocess.run([*command, "--name", "TS"], capture_output=True, check=True)
    assert "TS" in (tmp_path / "p.star").read_text(encoding="utf-8")
