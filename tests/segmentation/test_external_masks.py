"""Scores of external masks, and one-line errors."""

import h5py
import numpy as np
import pandas as pd
import pytest

from commands import error_of
from datasets import particles_of, write_shard_of, write_split_of
from ssn3d.cli.main import main
from ssn3d.io.files import read_json
from ssn3d.segmentation.evaluation.metrics import score_masks

PARTS = ["train", "test", "validation", "test", "independent", "independent"]
ROWS = np.array([5, 1, 4, 3])  # scored, in another order
RNG = np.random.default_rng(0)
TRUTH = (RNG.random((len(PARTS), 8, 8, 8)) < 0.2).astype(np.uint8)
FOUND = TRUTH ^ (RNG.random(TRUTH.shape) < 0.02)


@pytest.fixture(name="given")
def give_given(tmp_path):
    """Write shards, a split and a file of masks; return the file's content and the command."""
    shards = []
    for name, rows in {"t1": slice(0, 4), "independent1": slice(4, 6)}.items():
        images, n = RNG.normal(size=TRUTH[rows].shape), len(TRUTH[rows])
        particles = particles_of(np.zeros((n, 3)), "1KP8")
        shards.append(write_shard_of(tmp_path / f"{name}.h5", images, TRUTH[rows], particles))
    dataset = write_split_of(tmp_path / "random.csv", shards, PARTS)
    content = {
        "masks": FOUND[ROWS],
        "tomogram": dataset.tomograms[ROWS].tolist(),
        "label": dataset.labels[ROWS],
    }
    command = ["score", tmp_path / "mine.h5", "--truth", *shards, "--name", "My method", "--split",
               tmp_path / "random.csv", "--output", tmp_path / "scores"]  # fmt: skip
    return {"content": content, "command": [str(word) for word in command]}


def write(path, content):
    with h5py.File(path, "w") as file:
        for name, values in content.items():
            file[name] = values


def test_scores_and_record(given, tmp_path, capsys):
    write(tmp_path / "mine.h5", given["content"])
    main([*given["command"], "--trained-on", "A", "--parameters", "12"])
    printed = capsys.readouterr().out
    for name, rows in {"per_subtomogram": [1, 3], "independent": [4, 5]}.items():
        table = pd.read_csv(tmp_path / "scores" / f"{name}.csv")
        expected = score_masks(FOUND[rows], TRUTH[rows])
        pd.testing.assert_frame_equal(table[[*expected]], expected, check_exact=False)
        assert f"{table['pixel_accuracy'].mean():.2f}" in printed
    record = read_json(tmp_path / "scores" / "run.json")
    assert (record["method"], record["dataset"], record["split"]) == ("My method", "A", "random")
    assert (record["trained_on"], record["capacity"], record["milliseconds"]) == ("A", 12, None)


def test_masks_of_classes_are_scored_by_macromolecules(given, tmp_path):
    """A shard of target classes numbers the classes; masks of others mark macromolecules."""
    classes = np.where(TRUTH == 1, 1, 2 * (RNG.random(TRUTH.shape) < 0.5)).astype(np.uint8)
    for name, rows in {"t1": slice(0, 4), "independent1": slice(4, 6)}.items():
        particles = particles_of(np.zeros((len(TRUTH[rows]), 3)), "1KP8")
        place, images = tmp_path / f"{name}.h5", RNG.normal(size=TRUTH[rows].shape)
        write_shard_of(place, images, classes[rows], particles, target="classes")
    write(tmp_path / "mine.h5", given["content"])
    main(given["command"])
    table = pd.read_csv(tmp_path / "scores" / "independent.csv")
    expected = score_masks(FOUND[[4, 5]], TRUTH[[4, 5]])
    pd.testing.assert_frame_equal(table[[*expected]], expected, check_exact=False)


FAULTS = {
    "a row is missing": (
        lambda c: {name: values[1:] for name, values in c.items()},
        "1 of 2 independent subtomograms have no mask, first tomogram independent1, label 2; add",
    ),
    "another shape": (
        lambda c: c | {"masks": c["masks"][:, :4]},
        "masks (4, 4, 8, 8), tomogram (4,) and label (4,); there must be n of each",
    ),
    "columns": (
        lambda c: c | {"label": c["label"][:, None], "tomogram": [[t] for t in c["tomogram"]]},
        "tomogram (4, 1) and label (4, 1); there must be n of each",
    ),
    "a group": (
        lambda c: {name: c[name] for name in ("tomogram", "label")} | {"masks/a": c["masks"]},
        "it needs datasets masks, tomogram and label",
    ),
    "probabilities": (
        lambda c: c | {"masks": 0.5 * c["masks"]},
        "the mask of tomogram t1, label 2 has values other than 0 and 1; threshold it first",
    ),
    "twice": (lambda c: c | {"label": c["label"] * 0 + 2}, "several masks of one subtomogram"),
    "no labels": (lambda c: {"masks": c["masks"]}, "it needs datasets masks, tomogram and label"),
}


@pytest.mark.parametrize(("change", "message"), FAULTS.values(), ids=FAULTS)
def test_faults(change, message, given, tmp_path, capsys):
    write(tmp_path / "mine.h5", change(given["content"]))
    line = error_of(given["command"], capsys)
    assert "mine.h5: " in line
    assert message in line


def test_missing_options(given, capsys):
    short = given["command"][: given["command"].index("--output")]
    picks = ["score", "picks.star", "--truth", "a.star", "b.star", "--distance", "1"]
    for command, message in ((short, "no --output: masks of"), (picks, "--truth: 2 files, picks")):
        assert message in error_of(command, capsys)
