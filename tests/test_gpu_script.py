"""benchmarks/gpu.sh: what it refuses, and that it resumes, goes on after a failure, and says so."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

REPOSITORY = Path(__file__).resolve().parents[1]
SCRIPT = REPOSITORY / "benchmarks" / "gpu.sh"
sys.path.insert(0, str(SCRIPT.parent))
from gpu_report import counted_tests, files_with_tests, last_json  # noqa: E402 -- beside the script


def start(folder, *arguments, python='exec PYTHON "$@"'):
    """Start the script with a Python that is a shell command."""
    wrapper = folder / "python"
    wrapper.write_text("#!/bin/sh\n" + python.replace("PYTHON", sys.executable))
    wrapper.chmod(0o755)
    return subprocess.Popen(
        [SCRIPT, "--folder", folder / "gpu", *arguments],
        env={**os.environ, "PYTHON": str(wrapper)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(folder, *arguments, **options):
    """Run the script to its end."""
    process = start(folder, *arguments, **options)
    out, err = process.communicate()
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--colour"], "--colour: unknown"),
        (["--minutes"], "--minutes: no value"),
        (["--minutes", "five"], "--minutes: five is not a number"),
        (["--resume", "nothing.tgz"], "--resume: no file nothing.tgz"),
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
    assert "filelock, gemmi, h5py" in done.stderr


# Stands for the interpreter: reports are made, but steps only leave what they would.
STEP = """
case "$*" in
  *gpu_report.py*--check) echo '{"device": "a processor"}' >"$2/machine.json" ;;
  *gpu_report.py* | -c*) exec PYTHON "$@" ;;
  *SSN3D-ED*)
    echo '{"ms_per_subtomogram": 0.2, "epoch_seconds": 0.7, "share_of_matmul_rate": 0.3}' ;;
  *tomogram.py*) echo broken; exit 3 ;;
  *train_rows.py*/tables*)
    mkdir -p "$2"
    for split in random without_2GLS; do
      printf '{"number": 1, "split": "%s"}' $split >"$2/$split.json"
    done
    sleep 60 & wait ;;
esac
"""


def results(folder):
    return json.loads((folder / "cpu.json").read_text())


@pytest.mark.slow
def test_each_step_leaves_its_results(tmp_path):
    """A step that fails or overruns stops no other; the same command repeats these alone."""
    folder, options = tmp_path / "gpu", ["--device", "cpu", "--small"]
    done = run(tmp_path, *options, "--minutes", "0.3", python=STEP)
    assert done.returncode == 1
    said = re.sub("over [0-9]+ s", "over N s", done.stderr)
    assert said.splitlines() == [
        f"unfinished: tomogram: failed, see {folder}/tomogram.log",
        "unfinished: tables: over N s",
        "unfinished: models: no time left",
    ]
    assert "ran on a CPU" in done.stdout
    assert (folder / "tomogram.log").read_text() == "broken\n"

    found = results(folder)
    keys = [
        "device", "trial", "gpu_tests_passed", "ed_ms_per_subtomogram", "ed_epoch_seconds",
        "share_of_matmul_rate", "tomogram_three_datasets_seconds", "tables_minutes",
    ]  # fmt: skip
    assert list(found)[:8] == keys
    assert [found[key] for key in keys[2:]] == [None, 0.2, 0.7, 0.3, None, None]
    assert [row["split"] for row in found["table2"]] == ["random"]
    assert [row["split"] for row in found["table3"]] == ["without_2GLS"]
    assert not (folder / "gpu.json").exists()

    # on another machine, where nothing but the archive is left
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    finishes = STEP.replace("exit 3", "true").replace("sleep 60 & wait", "true")
    done = run(elsewhere, *options, "--resume", folder / "cpu.tgz", python=finishes)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("finished before") == 4
    assert {"tomogram", "tables", "models"} < {*results(elsewhere / "gpu")["finished"]}


def test_stopped_script_leaves_no_step(tmp_path):
    folder, pid = tmp_path / "gpu", tmp_path / "pid"
    sleeps = STEP.replace("sleep 60 & wait", f"echo $$ >{pid}; sleep 60 & wait")
    running = start(tmp_path, "--device", "cpu", "--small", python=sleeps)
    while not (pid.exists() and pid.read_text()):
        assert running.poll() is None
        time.sleep(0.05)
    running.terminate()
    _, said = running.communicate(timeout=30)
    assert running.returncode == 130
    assert "the same command resumes" in said
    assert not Path(f"/proc/{pid.read_text().strip()}").exists()
    assert "training_UNet" in results(folder)["finished"]


def test_tests_are_counted(tmp_path):
    log = tmp_path / "tests.log"
    assert counted_tests(log)["gpu_tests_passed"] is None
    log.write_text(
        "=== 1 failed, 2 passed in 3.0s ===\n== 12 passed, 1 skipped in 61.2s (0:01:01) ==\n"
    )
    expected = {"gpu_tests_passed": 12, "gpu_tests_failed": 0, "gpu_tests_skipped": 1}
    assert counted_tests(log) == expected


def test_result_cut_short_is_none(tmp_path):
    log = tmp_path / "training.log"
    log.write_text('a line\n{"ms_per_subtomogram": 0.')  # killed while it printed
    assert last_json(log) == {}


def test_gpu_tests_are_found():
    """Files with tests of a GPU are those that name it; they import no oracle that is not there."""
    found = {path.name: path.read_text() for path in files_with_tests()}
    assert {"test_imaging.py", "test_projector.py", "test_training.py"} <= {*found}
    oracles = re.compile(r"^(import|from) (astra|starfile|zarr|torchmetrics)\b", re.MULTILINE)
    assert not [name for name, text in found.items() if oracles.search(text)]
