"""Metrics of one row of a table, from its run or from its runs of several seeds."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ssn3d.core.errors import DataError
from ssn3d.core.seeds import generator
from ssn3d.experiment.runs import BASELINES
from ssn3d.report.bootstrap import mean_interval
from ssn3d.report.read_runs import mask_voxels, missing_files, read_run
from ssn3d.segmentation.evaluation.metrics import miou, summarise

DONE = "done"
"""Status of a complete row."""
_RULES = {
    "run.json": "train_network",
    "per_subtomogram.csv": "evaluate_network",
    "independent.csv": "evaluate_network",
}
_CEILINGS = ["ceiling_miou", "ceiling_pixel_accuracy", "accurate_miou"]


def row_metrics(
    folders: Sequence[Path], method: str, seed: int, only: str | None = None
) -> dict[str, Any]:
    """Compute the metrics of a row, or a status that names the missing file and its rule.

    The runs differ in the seed of the training alone; `only` is the only structure that
    subtomograms may show. Raises DataError if a file is damaged, or has scores of other structures.
    """
    missing = [file for folder in folders for file in missing_files(folder)]
    if missing:
        rule = "run_baseline" if method in BASELINES else _RULES[missing[0].name]
        return {"status": f"missing: rule {rule} ({missing[0]})"}
    runs = [read_run(folder) for folder in folders]
    for folder, run in zip(folders, runs, strict=True):
        tested = pd.concat([run.subtomograms, run.independent])
        if only is not None and not (tested["pdb_id"] == only).all():
            message = f"{folder}: the scores are of other structures than {only}"
            raise DataError(f"{message}; delete it and rerun")
    random = generator(seed, "bootstrap", *folders[0].parts[-3:])
    first, records = runs[0].subtomograms, pd.DataFrame([run.record for run in runs])
    return {
        **_scores([run.subtomograms for run in runs], random),
        **_scores([run.independent for run in runs], random, "independent_"),
        **first[_CEILINGS].mean(),
        "mask_voxels": mask_voxels(first).mean(),
        "test_subtomograms": len(first),
        "seeds": len(runs),
        "capacity": runs[0].record["capacity"],
        "epochs": records["epochs"].mean(),
        "training_minutes": records["training_seconds"].mean() / 60,
        "status": DONE,
    }


def _scores(
    tables: Sequence[pd.DataFrame], random: np.random.Generator, prefix: str = ""
) -> dict[str, float]:
    """Compute means over subtomograms and seeds; interval and range over seeds of the mIoU."""
    summaries = pd.DataFrame([summarise(table) for table in tables])
    scores = summaries.mean().to_dict()
    every = pd.concat([table.assign(miou=miou(table)) for table in tables])
    one = every.groupby(["tomogram", "label"])["miou"].mean().reset_index()
    ends = mean_interval(one["miou"].to_numpy(), one["tomogram"].to_numpy(str), random)
    scores["miou_low"], scores["miou_high"] = ends
    if len(tables) > 1:
        scores["miou_lowest_seed"] = summaries["miou"].min()
        scores["miou_highest_seed"] = summaries["miou"].max()
    return {f"{prefix}{name}": value for name, value in scores.items()}
