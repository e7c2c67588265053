"""The baseline on files; a module of its own, so that it imports no training."""

import os
import time
from pathlib import Path
from typing import Any

from ssn3d.errors import DataError
from ssn3d.files import read_json, write_json
from ssn3d.log import logger
from ssn3d.runs import BASELINE, TUNED_BASELINE, path_name
from ssn3d.segmentation.baseline_search import OBJECTIVE, search, segment_all
from ssn3d.segmentation.metrics import per_subtomogram_table, summarise
from ssn3d.segmentation.run_files import run_names, write_predictions, write_run_record
from ssn3d.segmentation.settings import BaselineParameters, BaselineSettings
from ssn3d.subtomograms.steps import read_dataset
from ssn3d.subtomograms.store import Subtomograms

PathLike = str | os.PathLike[str]


def search_run(
    dataset: PathLike,
    split: PathLike,
    search_json: PathLike,
    settings: BaselineSettings,
    *,
    seed: int,
    workers: int,
) -> dict[str, Any]:
    """Choose the tuned baseline's parameters on a split's training subtomograms; write a JSON file.

    Raises:
        DataError: the dataset or the split is missing or damaged.
    """
    subtomograms, parts = read_dataset(dataset, split)
    start = time.perf_counter()
    found = search(subtomograms, parts["train"], settings, seed=seed, workers=workers)
    found |= {
        "split": Path(split).stem,
        "dataset_sha256": subtomograms.sha256,
        "seed": seed,
        "seconds": time.perf_counter() - start,
    }
    write_json(search_json, found)
    best = max(trial[OBJECTIVE] for trial in found["trials"])
    logger.info("best of %d trials: IoU %.1f%%, %s", len(found["trials"]), best, found["chosen"])
    return found


def baseline_run(
    dataset: PathLike,
    split: PathLike,
    parameters: BaselineParameters | PathLike,
    folder: PathLike,
    *,
    seed: int,
    workers: int,
) -> dict[str, float]:
    """Segment a split's test subtomograms without a network, and write the run.

    Writes predictions.h5, per_subtomogram.csv and run.json into `folder`.

    Args:
        dataset: file of the dataset.
        split: file of the split.
        parameters: settings of the unsupervised method; or the file of `search_run` for the tuned
            method.
        folder: the folder of the run.
        seed: the configuration's seed.
        workers: number of processes.

    Returns:
        The metrics over the test set, in percent.

    Raises:
        DataError: an input is missing or damaged, or the search used another dataset or split.
    """
    subtomograms, parts = read_dataset(dataset, split)
    if isinstance(parameters, BaselineParameters):
        method, chosen, seconds = BASELINE, parameters, 0.0
        asked = parameters.model_dump()
    else:
        found = _read_search(parameters, dataset, split, subtomograms)
        method, chosen = TUNED_BASELINE, BaselineParameters(**found["chosen"])
        asked, seconds = found["search"], found["seconds"]
    rows = parts["test"]
    masks, outcomes = segment_all(subtomograms.images[rows], chosen, seed, workers, rows)
    pdb_ids, truth = subtomograms.pdb_ids[rows], subtomograms.masks[rows]
    table = per_subtomogram_table(rows, pdb_ids, masks, truth, outcomes)
    metrics = summarise(table)
    logger.info("%s on dataset %s: %s", method, subtomograms.dataset, metrics)
    write_predictions(
        Path(folder) / "per_subtomogram.csv", Path(folder) / "predictions.h5", table, masks
    )
    outcome = _BASELINE_OUTCOME | {"training_seconds": seconds, "settings": chosen.model_dump()}
    names = run_names(path_name(method), subtomograms, split)
    data = (subtomograms, parts)
    write_run_record(Path(folder) / "run.json", names, outcome, data, seed=seed, settings=asked)
    return metrics


_BASELINE_OUTCOME = {
    "capacity": None,
    "epochs": 0,
    "best_epoch": None,
    "stopped": None,
    "micro_batch_size": None,
    "device": "cpu",
    "precision": "float64",
}


def _read_search(
    path: PathLike, dataset: PathLike, split: PathLike, subtomograms: Subtomograms
) -> dict[str, Any]:
    """Read the file of `search_run`. Raises DataError if it is of another dataset or split."""
    found = read_json(path, "chosen", "search", "seconds")
    made_from = (found.get("dataset_sha256"), found.get("split"))
    if made_from != (subtomograms.sha256, Path(split).stem):
        raise DataError(f"{path}: was not made from {dataset} and {split}; rerun the search")
    return found
