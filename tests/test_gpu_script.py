"""benchmarks/gpu.sh: what it refuses, and that it resumes, goes on after a failure, and says so."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

REPOSITORY = Path(__file__).resolve().parents[1]
SCRIPT = REPOSITORY / "benchmarks" / "gpu.sh"
STEPS = ["demo", "tomogram", "tables"]
STEPS += [f"training_{name}" for name in ("SSN3D-ED", "SSN3D-v1", "SSN3D-v2", "UNet")]


def run(folder, *arguments, python='exec PYTHON "$@"'):
    """Run the script with a Python that is a shell command."""
    wrapper = folder / "python"
    wrapper.write_text("#!/bin/sh\n" + python.replace("PYTHON", sys.executable))
    wrapper.chmod(0o755)
    return subprocess.run(
        [SCRIPT, "--folder", folder / "gpu", *arguments],
        env={**os.environ, "PYTHON": str(wrapper)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--colour"], "--colour: unknown"),
        (["--cores"], "--cores: no value"),
        (["--device", "tpu"], "--device: tpu must be cuda or cpu"),
        (["--structures", "nowhere"], "--structures: no folder nowhere"),
        (["--device", "cuda"], "sees no GPU"),
    ],
)
def test_what_cannot_be_done_is_one_line(tmp_path, arguments, said):
    if said == "sees no GPU" and torch.cuda.is_available():
        pytest.skip("there is one")
    done = run(tmp_path, *arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_missing_packages_are_named_in_one_line(tmp_path):
    done = run(tmp_path, "--device", "cpu", python='exec PYTHON -S "$@"')  # without site-packages
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "astra-toolbox, filelock, gemmi" in done.stderr


def test_finished_steps_are_skipped_and_one_that_fails_stops_no_other(tmp_path):
    folder = tmp_path / "gpu"
    folder.mkdir()
    for name in STEPS:
        (folder / f"{name}.seconds").write_text("90")
    for name in set(STEPS) - {"demo", "tomogram"}:
        (folder / f"{name}.done").touch()
    measured = {"ms_per_subtomogram": 0.2, "epoch_seconds": 0.7, "share_of_matmul_rate": 0.3}
    (folder / "training_SSN3D-ED.log").write_text(f"first line\n{json.dumps(measured)}\n")
    fails = 'case "$1" in *gpu_report.py) exec PYTHON "$@" ;; esac; echo no; exit 3'
    done = run(folder.parent, "--device", "cpu", "--small", python=fails)
    assert done.returncode == 1
    assert done.stderr.strip() == "failed, see the logs: demo tomogram"
    assert done.stdout.count("finished before") == len(STEPS) - 2
    assert (folder / "demo.log").read_text() == "no\n"

    found = json.loads((folder / "gpu.json").read_text())
    keys = [
        "device", "gpu_tests_passed", "ed_ms_per_subtomogram", "ed_epoch_seconds",
        "share_of_matmul_rate", "tomogram_three_datasets_seconds", "tables_minutes",
    ]  # fmt: skip
    assert list(found)[:7] == keys
    assert [found[key] for key in keys[1:]] == [None, 0.2, 0.7, 0.3, None, 1.5]
    assert found["device"]
