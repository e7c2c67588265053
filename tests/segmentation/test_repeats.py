"""Trainings of several seeds: they share the split, and differ in their random numbers alone."""

import numpy as np
import pandas as pd
import pytest
from spheres import make_spheres

from sections import section
from ssn3d.core.errors import DataError
from ssn3d.core.particles import Particles
from ssn3d.experiment.runs import repeats
from ssn3d.io.files import read_json
from ssn3d.segmentation.evaluation.steps import evaluate_run
from ssn3d.segmentation.training.checkpoint import read_tensors
from ssn3d.segmentation.training.steps import train_run
from ssn3d.subtomograms.splits import write_split
from ssn3d.subtomograms.store import Origin, write_shard

SETTINGS = section(
    "training", device="cpu", precision="float32", batch_size=4, micro_batch_size=4, epochs=1
)
PARTS = {"t1": ["train"] * 8 + ["validation"] * 2 + ["test"] * 2, "independent1": ["independent"]}


def write_inputs(folder):
    """Write the shards of both tomograms, and a split."""
    shards, labels = [], {name: np.arange(1, len(parts) + 1) for name, parts in PARTS.items()}
    for name, numbers in labels.items():
        n = len(numbers)
        images, masks = make_spheres(n, seed=3, size=8)
        particles = Particles(np.full(n, "1KP8"), np.zeros((n, 3)), np.tile(np.eye(3), (n, 1, 1)))
        shards.append(folder / f"{name}.h5")
        origin = Origin("A", name, "centred", 0.5, 0.5, 10.0)
        cubes = zip(images, masks.astype(bool), strict=True)
        write_shard(shards[-1], origin, particles, numbers, cubes, size_voxels=8, provenance={})
    tomograms = np.repeat([*labels], [len(numbers) for numbers in labels.values()])
    parts = np.concatenate([*PARTS.values()])
    ids, numbers = np.full(len(parts), "1KP8"), np.concatenate([*labels.values()])
    write_split(folder / "random.csv", tomograms, numbers, ids, parts)
    return shards, folder / "random.csv"


def test_a_repeat_has_other_weights_and_is_evaluated_as_what_it_is(tmp_path):
    (shards, split), first, second = write_inputs(tmp_path), tmp_path / "1", tmp_path / "2"
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
