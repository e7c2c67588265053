"""Studies: each runs, at minimal size, on the small experiment."""

import importlib
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from small_workflow import REPOSITORY
from ssn3d.core.classes import CLASSES
from ssn3d.core.particles import Particles
from ssn3d.io.mrc import write_mrc
from ssn3d.io.particles.simulated import write_particles
from ssn3d.structures.structure import structure_from_points, write_structure
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


def test_scores_of_a_search(tmp_path, monkeypatch):
    """Of three particles inside, two are picked, one of them with the highest probability."""
    monkeypatch.syspath_prepend(REPOSITORY / "studies")
    search = importlib.import_module("search")
    where = np.array(
        [[10.0, 10, 10], [20, 20, 20], [12, 30, 12], [50, 9, 9]]
    )  # the last is outside
    rotations = np.broadcast_to(np.eye(3), (4, 3, 3))
    particles = Particles(np.full(4, "1KP8"), where, rotations)
    write_particles(tmp_path / "particles.star", particles, "t", 10.0)
    write_mrc(tmp_path / "A.mrc", np.zeros((40, 40, 40), np.float32), 10.0)
    points = np.random.default_rng(0).normal(scale=40, size=(200, 3))
    model = structure_from_points("1KP8", points, np.full(200, 4000.0), "surrogate")
    write_structure(tmp_path / "1KP8.npz", model)
    found = np.array([[10.0, 10, 11], [30, 5, 30], [20, 21, 20], [35, 35, 35]])
    table = pd.DataFrame(found, columns=["z_voxels", "y_voxels", "x_voxels"])
    table["target"] = "1KP8"
    table["probability"] = [0.9, 0.8, 0.7, 0.1]
    table["kept"] = [True, True, True, False]
    (row,) = search.score(tmp_path, table.sample(frac=1, random_state=1), tmp_path)
    assert (row["particles"], row["picks"], row["right"]) == (3, 3, 2)
    assert row["best_f1"] == pytest.approx(2 * 2 / (3 + 3))


def run_study(script, *arguments):
    command = [sys.executable, REPOSITORY / "studies" / script, *arguments]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "src")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
