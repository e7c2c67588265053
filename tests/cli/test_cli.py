"""The command line: help, errors, and what its commands and the rules import."""

import argparse
import os
import subprocess
import sys

import pytest

from small_workflow import REPOSITORY
from ssn3d.cli.experiment import read_experiment
from ssn3d.cli.main import main

WITH_TORCH = {
    "add_noise", "evaluate_network", "image_specimen", "segment_picks", "segment_tomogram",
    "train_network",
}  # fmt: skip
HEAVY = {"torch", "numpy", "pandas", "matplotlib", "gemmi", "yaml", "pydantic"}
COMMANDS = (
    *("segment", "pick", "average", "score", "measure"),
    *("models", "networks", "init", "doctor", "tables"),
)
EXAMPLE = "example:\n  ssn3d {}"
RUN = "import sys\nfrom ssn3d.cli.main import main\ntry: main({})\nexcept SystemExit: pass\n"


def run(code):
    """Run code in a new process; return the last line that it prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


@pytest.mark.parametrize("arguments", [["--help"], ["segment", "--help"]])
def test_help_imports_nothing_heavy(arguments):
    code = RUN.format(arguments) + f"print('loaded', *{HEAVY} & set(sys.modules))"
    assert run(code) == "loaded"


def test_pick_score_and_tables_import_no_torch(tmp_path):
    (tmp_path / "empty.csv").touch()
    picks, missing = str(tmp_path / "empty.csv"), str(tmp_path / "none.mrc")
    calls = [
        ["tables", "--results", str(tmp_path)],
        ["pick", missing, "--output", "o.star", "--diameter", "9"],
        ["score", picks, "--truth", picks, "--distance", "9"],
    ]
    code = "".join(RUN.format(call) for call in calls)
    names = ("report.tables.tables", "recovery.pick", "picking.score_files")
    code += "".join(f"assert 'ssn3d.{name}' in sys.modules, '{name}'\n" for name in names)
    assert run(f"{code}print('torch' in sys.modules)") == "False"


def test_only_rules_with_torch_import_it():
    scripts = {path.stem: path for path in (REPOSITORY / "workflow" / "scripts").glob("*.py")}
    assert set(scripts) > WITH_TORCH
    others = sorted(str(path) for name, path in scripts.items() if name not in WITH_TORCH)
    code = f"import runpy, sys\nfor path in {others}:\n    runpy.run_path(path)\n"
    assert run(f"{code}    assert 'torch' not in sys.modules, path\nprint('done')") == "done"


@pytest.mark.parametrize("command", COMMANDS)
def test_help_lists_command_and_example(command, capsys):
    for arguments, expected in (["--help"], f"\n    {command} "), ([command, "--help"], EXAMPLE):
        with pytest.raises(SystemExit):
            main(arguments)
        assert expected.format(command) in capsys.readouterr().out


def test_closed_pipe_is_no_error():
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "ssn3d.cli.main", "models"]
    done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (0, "")


def test_user_error_is_one_line(tmp_path, capsys):
    (tmp_path / "bad.yaml").write_text("seed: -1\n")
    with pytest.raises(SystemExit) as ended:
        main(["tables", "--config", "config.yaml", str(tmp_path / "bad.yaml")])
    assert ended.value.code == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "config: seed: -1 must be" in line


def test_tables_name_missing_results(tmp_path, capsys):
    main(["tables", "--results", str(tmp_path)])
    printed = capsys.readouterr().out
    assert printed.count("missing") >= 6 + 22
    assert "86.40" in printed


def test_inherited_backend_is_not_used():
    code = (
        "from ssn3d.cli.main import main\nmain(['models'])\n"
        "import matplotlib\nprint(matplotlib.get_backend())"
    )
    environment = {**os.environ, "MPLBACKEND": "module://not_installed_here"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1].lower() == "agg"


def test_targets_of_a_search_are_structures(tmp_path, monkeypatch):
    monkeypatch.chdir(REPOSITORY)
    find = "find: {tomograms: mine.tsv, targets: [2GLS, 9ABC], false_discovery_rate: 0.1}"
    (tmp_path / "mine.yaml").write_text(f"independent_tomograms: 2\n{find}\n")
    files = ["config.yaml", str(tmp_path / "mine.yaml")]
    _, pdb_ids = read_experiment(argparse.Namespace(config=files))
    assert pdb_ids.count("2GLS") == pdb_ids.count("9ABC") == 1
