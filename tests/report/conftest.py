"""Runs and shards on disk, with scores of random masks."""

import numpy as np
import pandas as pd
import pytest

from datasets import particles_of, write_shard_of
from ssn3d.io.files import write_json
from ssn3d.io.tables import write_csv
from ssn3d.segmentation.evaluation.metrics import block_ceilings, score_masks


@pytest.fixture
def make_scores():
    """Score random masks of 10^3 voxels; a share of the voxels is predicted wrongly."""

    def make(pdb_ids, wrong=0.02, size=0.1, seed=0, tomogram="t1"):
        rng = np.random.default_rng(seed)
        n = len(pdb_ids)
        truth = (rng.random((n, 10, 10, 10)) < size).astype(np.uint8)
        shares = wrong * rng.uniform(0.5, 1.5, (n, 1, 1, 1))
        predicted = truth ^ (rng.random(truth.shape) < shares)
        names = {
            "tomogram": tomogram,
            "label": np.arange(1, n + 1),
            "pdb_id": [*pdb_ids],
            "outcome": "segmented",
        }
        scores = score_masks(predicted, truth), block_ceilings(truth, 2)
        others = {"surface_distance": rng.uniform(0, 2, n), "milliseconds": 12.5}
        return pd.concat([pd.DataFrame(names), *scores], axis=1).assign(**others)

    return make


@pytest.fixture
def write_run(tmp_path):
    """Write the files of one run below `runs`, and return its folder."""

    def write(method, dataset, split, scores, independent=None, **record):
        folder = tmp_path / "runs" / method / dataset / split
        defaults = {"capacity": 895746, "epochs": 31, "training_seconds": 90.0}
        names = {"method": method, "dataset": dataset, "split": split}
        write_json(folder / "run.json", names | defaults | record)
        apart = scores.assign(tomogram="independent1") if independent is None else independent
        for name, table in (("per_subtomogram", scores), ("independent", apart)):
            named = table if "dataset" in table else table.assign(dataset=dataset)
            write_csv(folder / f"{name}.csv", named)
        return folder

    return write


@pytest.fixture
def write_images(tmp_path):
    """Write a shard of tomogram t1 and dataset A with these images, and return its path."""

    def write(images, masks, pdb_ids):
        particles = particles_of(np.zeros((len(images), 3)), pdb_ids)
        return write_shard_of(tmp_path / "t1.h5", images, masks.astype(bool), particles)

    return write
