"""Runs on disk, as the segmentation stage writes them, with scores of random masks."""

import numpy as np
import pytest

from ssn3d.files import write_json
from ssn3d.segmentation.metrics import per_subtomogram_table


@pytest.fixture
def make_scores():
    """Score random masks of 10^3 voxels; a share of the voxels is predicted wrongly."""

    def make(pdb_ids, wrong=0.02, size=0.1, seed=0):
        rng = np.random.default_rng(seed)
        shape = (len(pdb_ids), 10, 10, 10)
        truth = (rng.random(shape) < size).astype(np.uint8)
        shares = wrong * rng.uniform(0.5, 1.5, (len(pdb_ids), 1, 1, 1))
        predicted = truth ^ (rng.random(shape) < shares)
        return per_subtomogram_table(np.arange(len(pdb_ids)), pdb_ids, predicted, truth)

    return make


@pytest.fixture
def write_run(tmp_path):
    """Write the files of one run below `runs`, and return its folder."""

    def write(method, dataset, split, scores, **record):
        folder = tmp_path / "runs" / method / dataset / split
        defaults = {"capacity": 895746, "epochs": 31, "training_seconds": 90.0}
        names = {"method": method, "dataset": dataset, "split": split}
        write_json(folder / "run.json", names | defaults | record)
        scores.to_csv(folder / "per_subtomogram.csv", index=False)
        return folder

    return write
