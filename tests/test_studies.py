"""Studies: each runs, at minimal size, on the small experiment."""

import os
import subprocess
import sys

import pandas as pd
import pytest

from small_workflow import REPOSITORY

WEIGHTS = "results/runs/SSN3D-ED/high/random/weights.pt"
FILES = ["config.yaml", "small.yaml"]
STUDIES = {
    "ablation.csv": ["ablation.py", "results", "--folder", "{out}"],
    "bounds.csv": ["bounds.py", "results", "--folder", "{out}"],
    "models.csv": ["shipped_models.py", "results", "--folder", "{out}", "--models", "ssn3d-ed-a"],
    "real.csv": ["real.py", "results/tomograms/t1/high.mrc", "--truth",
                 "results/tomograms/t1/particles.star", "--folder", "{out}", "--diameter", "150"],
    "recovery.csv": ["recovery.py", "--output", "{out}/recovery.csv", "--datasets", "high",
                     "--centred", f"SSN3D-ED={WEIGHTS}"],
    "robustness.csv": ["robustness.py", "--weights", WEIGHTS, "--results", "results", "--config",
                       *FILES, "--folder", "{out}", "--count", "8"],
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("table", STUDIES)
def test_small_study(finished, tmp_path, table):
    script, *arguments = [argument.format(out=tmp_path) for argument in STUDIES[table]]
    command = [sys.executable, REPOSITORY / "studies" / script, *arguments, "--small"]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "src")}
    done = subprocess.run(
        command, cwd=finished, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    rows = pd.read_csv(tmp_path / table)
    column = {"recovery.csv": "value", "real.csv": "recall"}.get(table, "miou")
    assert len(rows) >= 2
    assert rows[column].notna().mean() > 0.5  # recall of no particles is none
