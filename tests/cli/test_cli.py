"""The command line: its commands and errors, and what it and the rules import."""

import os
import subprocess
import sys

import pytest

from small_workflow import REPOSITORY
from ssn3d.cli.main import main

WITH_TORCH = {
    "add_noise", "evaluate_network", "image_specimen", "pick_particles", "segment_picks",
    "segment_tomogram", "train_network",
}  # fmt: skip
HEAVY = ("torch", "numpy", "pandas", "matplotlib", "gemmi", "yaml")


def run(code):
    """Run code in a new process; return what it prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_help_imports_nothing_heavy():
    code = "from ssn3d.cli.main import main\ntry: main(['--help'])\nexcept SystemExit: pass\n"
    loaded = run(f"{code}import sys; print('loaded', *set({HEAVY}) & set(sys.modules))")
    assert loaded.splitlines()[-1] == "loaded"


def test_commands_without_networks_import_no_torch():
    modules = ", ".join(f"ssn3d.cli.{name}" for name in ("tables", "pick", "score"))
    assert run(f"import {modules}, sys; print('torch' in sys.modules)").strip() == "False"


def test_only_the_rules_that_compute_with_torch_import_it():
    """Each script with its imports, then `ssn3d tables`, one after another in one process."""
    scripts = {path.stem: path for path in (REPOSITORY / "workflow" / "scripts").glob("*.py")}
    assert set(scripts) > WITH_TORCH
    others = sorted(str(path) for name, path in scripts.items() if name not in WITH_TORCH)
    run(
        f"import runpy, sys\nfor path in {others}:\n"
        "    runpy.run_path(path)\n"
        "    assert 'torch' not in sys.modules, path\n"
        "import ssn3d.cli.tables\nassert 'torch' not in sys.modules"
    )


def test_networks_and_their_parameters(capsys):
    main(["networks"])
    counts = dict(line.split() for line in capsys.readouterr().out.splitlines())
    assert counts["SSN3D-v1"] == "2,042,158"
    assert counts["SSN3D-v2"] == "2,042,342"
    assert counts["SSN3D-ED"] == "895,746"
    assert "UNet" in counts


def test_help_lists_the_commands(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    printed = capsys.readouterr().out
    for name in ("networks", "doctor", "tables", "pick", "score"):
        assert f"\n    {name} " in printed


def test_output_may_be_cut_off_by_its_reader():
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "ssn3d.cli.main", "models"]
    done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_user_error_is_one_line_and_exit_status_1(tmp_path, capsys):
    (tmp_path / "bad.yaml").write_text("seed: -1\n")
    with pytest.raises(SystemExit) as ended:
        main(["tables", "--config", "config.yaml", str(tmp_path / "bad.yaml")])
    assert ended.value.code == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert "config: seed: -1 must be greater than or equal to 0" in lines[0]


def test_tables_without_results_say_what_is_missing(tmp_path, capsys):
    main(["tables", "--results", str(tmp_path)])
    printed = capsys.readouterr().out
    assert printed.count("missing") >= 6 + 22
    assert "86.40" in printed
