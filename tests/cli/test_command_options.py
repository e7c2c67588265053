"""Options of the command line: checked before anything is read; names of files; the backend."""

import argparse
import os
import subprocess
import sys

import pytest

from own_tomograms import dark_spheres, write_tomogram
from ssn3d.cli import option_types
from ssn3d.cli.main import _parser, main

NEEDED = {
    "average": ["none.star", "--tomogram", "none.mrc", "--diameter", "9", "--output", "o"],
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
            if action.type not in {None, str}:
                yield command, action.option_strings[0], action.nargs or 1


def refusal(command, option, values, capsys):
    with pytest.raises(SystemExit) as ended:
        main([command, *NEEDED[command], option, *values])
    assert ended.value.code == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert f"argument {option}: " in last
    return last


@pytest.mark.parametrize(("command", "option", "count"), list(numeric_options()))
def test_numbers_that_no_option_takes(command, option, count, capsys):
    for value in ("nan", "inf", "-inf", "ten", "", "-1e12"):
        if option != "--threshold" or value != "-1e12":
            refusal(command, option, [value] * count, capsys)


@pytest.mark.parametrize(
    ("command", "option", "values"),
    [
        ("average", "--tilts", ["60", "-60"]),
        ("average", "--tilts", ["0", "0"]),
        ("average", "--tilts", ["-60", "91"]),
        ("average", "--rounds", ["-1"]),
        ("average", "--rounds", ["1.5"]),
        ("average", "--first-resolution", ["0"]),
        ("average", "--max-shift", ["-5"]),
        ("average", "--seed", ["-1"]),
        ("average", "--box", ["0"]),
        ("average", "--classes", ["0"]),
        ("average", "--symmetry", ["I2"]),
        ("pick", "--max", ["0"]),
        ("pick", "--voxel-size", ["-1"]),
        ("segment", "--voxel-size", ["0"]),
        ("segment", "--threshold", ["1"]),
        ("score", "--parameters", ["0"]),
    ],
)
def test_numbers_out_of_range(command, option, values, capsys):
    assert values[-1] in refusal(command, option, values, capsys)


def test_numbers_in_range():
    read = _parser().parse_args
    given = ["--tilts", "-51", "54", "--seed", "0", "--rounds", "0", "--max-shift", "0"]
    found = read(["average", *NEEDED["average"], *given, "--symmetry", "d7"])
    assert (found.tilts, found.seed, found.rounds) == ((-51, 54), 0, 0)
    assert (found.max_shift, found.symmetry) == (0, "D7")
    assert option_types.finite("-1e3") == -1000


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


def test_an_inherited_backend_is_not_used():
    code = (
        "from ssn3d.cli.main import main\nmain(['models'])\n"
        "import matplotlib\nprint(matplotlib.get_backend())"
    )
    environment = {**os.environ, "MPLBACKEND": "module://not_installed_here"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1].lower() == "agg"
