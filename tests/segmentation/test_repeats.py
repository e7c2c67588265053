"""Trainings of several seeds: they share the split, and differ in their random numbers alone."""

import numpy as np
import pandas as pd
import pytest
from spheres import make_spheres

from datasets import write_shard_of
from sections import section
from ssn3d.core.errors import DataError
from ssn3d.experiment.runs import repeats
from ssn3d.io.files import read_json
from ssn3d.segmentation.evaluation.steps import evaluate_run
from ssn3d.segmentation.training.checkpoint import read_tensors
from ssn3d.segmentation.training.steps import train_run
from ssn3d.subtomograms.splits import write_split
from ssn3d.subtomograms.store import open_dataset

SETTINGS = section(
    "training", device="cpu", precision="float32", batch_size=4, micro_batch_size=4, epochs=1
)
PARTS = ["train"] * 8 + ["validation"] * 2 + ["test"] * 2 + ["independent"]


@pytest.fixture
def inputs(tmp_path):
    """Shards of both tomograms, and a split."""
    images, masks = make_spheres(len(PARTS), seed=3, size=8)
    shards = [
        write_shard_of(tmp_path / "t1.h5", images[:12], masks[:12]),
        write_shard_of(tmp_path / "independent1.h5", images[12:], masks[12:]),
    ]
    dataset = open_dataset(shards)
    names = dataset.tomograms, dataset.labels, dataset.pdb_ids
    write_split(tmp_path / "random.csv", *names, np.array(PARTS))
    return shards, tmp_path / "random.csv"


def test_repeats_differ_in_weights_alone(inputs, tmp_path):
    (shards, split), first, second = inputs, tmp_path / "1", tmp_path / "2"
    for folder, repeat in zip((first, second), repeats(2), strict=True):
        train_run(
            shards[:1], split, "SSN3D-v1", SETTINGS, 1, weights=folder / "weights.pt",
            history=folder / "history.csv", record=folder / "run.json",
            checkpoint=folder / "checkpoint.pt", repeat=repeat,
        )  # fmt: skip
    records = [read_json(folder / "run.json") for folder in (first, second)]
    assert [record["split"] for record in records] == ["random", "random_seed2"]
    assert len({record["provenance"]["seed"] for record in records}) == 1
    found = [read_tensors(folder / "weights.pt") for folder in (first, second)]
    assert found[0]["split_sha256"] == found[1]["split_sha256"]
    name, weights = next(iter(found[0]["weights"].items()))
    assert not np.allclose(weights, found[1]["weights"][name])

    paths = {name: second / f"{name}.csv" for name in ("per_subtomogram", "independent")}
    paths["predictions"] = second / "predictions.h5"
    asked = shards, split, second / "weights.pt", "cpu"
    evaluate_run(*asked, **paths, repeat="_seed2")
    assert len(pd.read_csv(paths["per_subtomogram"])) == 2
    with pytest.raises(DataError, match="trained on split random_seed2 of dataset A"):
        evaluate_run(*asked, **paths, repeat="")
