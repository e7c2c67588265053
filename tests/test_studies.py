"""Studies: each runs, at minimal size, on the small experiment."""

import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from small_workflow import REPOSITORY
from ssn3d.core.classes import CLASSES
from ssn3d.subtomograms.store import open_shard

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


@pytest.mark.slow
def test_small_departures(tmp_path):
    run_study("departures.py", "--folder", tmp_path, "--models", "resunet-all", "--small")
    (row,) = pd.read_csv(tmp_path / "departures.csv").to_dict("records")
    assert (row["condition"], row["model"]) == ("base", "resunet-all")
    assert 0.2 < row["iou_macromolecule"] <= 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["--tomograms", "2"], "independent1/A independent1/B t1/A t1/B t2/A t2/B"),
        (
            ["--training", "third"],
            "c1/A c1/B c2/A c2/B independent1/A independent1/B p4/A p4/B p4/C t1/A t1/B t2/A t2/B",
        ),
    ],
)
def test_small_varied_tomograms(tmp_path, arguments, names):
    """Varied tomograms, and one as in the paper, become shards of all classes.

    The second of the third training has no room for its obstacles.
    """
    command = ("whole_tomograms.py", tmp_path, "--small", "--no-training", *arguments)
    run_study(*command)
    run_study(*command)  # resumes
    shards = sorted(tmp_path.glob("*/*.h5"))
    assert [str(path.relative_to(tmp_path).with_suffix("")) for path in shards] == names.split()
    for path in shards:
        shard = open_shard(path)
        images, masks = shard.read(np.arange(len(shard)))
        assert np.isfinite(images).all()
        assert masks.max() < len(CLASSES)


def run_study(script, *arguments):
    command = [sys.executable, REPOSITORY / "studies" / script, *arguments]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "src")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
