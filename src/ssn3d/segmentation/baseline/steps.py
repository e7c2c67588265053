"""Baselines on files: shards and a split in, the files of a run out. Imports no torch."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssn3d.core.errors import DataError
from ssn3d.core.log import logger
from ssn3d.experiment.runs import BASELINE, ORACLE, TUNED_BASELINE, path_name
from ssn3d.io.files import PathLike, read_json, write_json
from ssn3d.segmentation.baseline.classical import best_level, threshold_rows
from ssn3d.segmentation.baseline.search import OBJECTIVE, search, segment_rows
from ssn3d.segmentation.evaluation.run_io import (
    TABLES,
    Segmented,
    run_names,
    score_parts,
    write_run_record,
)
from ssn3d.segmentation.settings import BaselineParameters, BaselineSettings
from ssn3d.subtomograms.steps import check_parts, read_dataset
from ssn3d.subtomograms.store import Dataset


def search_run(
    shards: Sequence[PathLike],
    split: PathLike,
    search_json: PathLike,
    settings: BaselineSettings,
    *,
    seed: int,
    workers: int,
) -> dict[str, Any]:
    """Choose the tuned baseline's parameters on a split's training subtomograms; write a JSON file.

    Raises DataError if a shard or the split is missing or damaged.
    """
    dataset, parts = read_dataset(shards, split)
    check_parts(parts, ["train"], split)
    start = time.perf_counter()
    found = search(dataset, parts["train"], settings, seed=seed, workers=workers)
    found |= {
        "split": Path(split).stem,
        "shards_sha256": dataset.digests,
        "seed": seed,
        "seconds": time.perf_counter() - start,
    }
    write_json(search_json, found)
    best = max(trial[OBJECTIVE] for trial in found["trials"])
    logger.info("best of %d trials: IoU %.1f%%, %s", len(found["trials"]), best, found["chosen"])
    return found


def baseline_run(
    shards: Sequence[PathLike],
    split: PathLike,
    parameters: BaselineParameters | PathLike,
    folder: PathLike,
    *,
    seed: int,
    workers: int,
) -> dict[str, dict[str, float]]:
    """Segment a split's test and independent subtomograms by the paper's baseline.

    Writes predictions.h5, per_subtomogram.csv, independent.csv and run.json.

    Args:
        shards: files of the dataset.
        split: file of the split.
        parameters: parameters of the unsupervised baseline; or the file of `search_run` for the
            tuned one.
        folder: folder of the run.
        seed: seed of the configuration.
        workers: number of processes.

    Returns:
        The metrics over the test and the independent set, in percent.

    Raises:
        DataError: an input is damaged, or the search used another dataset or split.
    """
    data = dataset, parts = read_dataset(shards, split)
    check_parts(parts, [*TABLES], split)
    if isinstance(parameters, BaselineParameters):
        method, chosen, seconds = BASELINE, parameters, 0.0
        settings = parameters.model_dump()
    else:
        searched = _read_search(parameters, split, dataset)
        method, chosen = TUNED_BASELINE, BaselineParameters(**searched["chosen"])
        settings, seconds = searched["search"], searched["seconds"]
    return _write_run(
        folder,
        method,
        data,
        split,
        lambda part: segment_rows(dataset, parts[part], chosen, seed, workers),
        outcome={"training_seconds": seconds, "settings": chosen.model_dump()},
        seed=seed,
        settings=settings,
    )


def threshold_run(
    shards: Sequence[PathLike],
    split: PathLike,
    method: str,
    parameters: BaselineParameters,
    folder: PathLike,
    *,
    seed: int,
    workers: int,
) -> dict[str, dict[str, float]]:
    """Segment a split's test and independent subtomograms by a threshold.

    `method` is `OTSU`, or `ORACLE`, whose threshold is chosen on the true masks of each set itself.
    Everything else is as in `baseline_run`.
    """
    data = dataset, parts = read_dataset(shards, split)
    check_parts(parts, [*TABLES], split)
    started = time.perf_counter()
    levels = {
        part: best_level(dataset, parts[part], parameters, workers) if method == ORACLE else None
        for part in TABLES
    }
    seconds = time.perf_counter() - started
    logger.info("%s on dataset %s: thresholds %s", method, dataset.name, levels)
    settings = parameters.model_dump(include={"smoothing_sigma_voxels", "central_radius_voxels"})
    return _write_run(
        folder,
        method,
        data,
        split,
        lambda part: threshold_rows(dataset, parts[part], parameters, levels[part]),
        outcome={"training_seconds": seconds, "settings": settings | {"levels": levels}},
        seed=seed,
        settings=settings,
    )


def _write_run(
    folder: PathLike,
    method: str,
    data: tuple[Dataset, dict[str, NDArray[np.int_]]],
    split: PathLike,
    segmented: Callable[[str], Segmented],
    *,
    outcome: dict[str, Any],
    seed: int,
    settings: dict[str, Any],
) -> dict[str, dict[str, float]]:
    """Score both parts, `segmented` by name, and write the files of the run."""
    place, (dataset, parts) = Path(folder), data
    tables = {part: place / name for part, name in TABLES.items()}
    title, masks = f"{method} on dataset {dataset.name}", place / "predictions.h5"
    metrics = score_parts(dataset, parts, segmented, tables, title=title, predictions=masks)
    names = run_names(path_name(method), dataset, split)
    record = _BASELINE_OUTCOME | outcome
    write_run_record(place / "run.json", names, record, data, seed=seed, settings=settings)
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


def _read_search(path: PathLike, split: PathLike, dataset: Dataset) -> dict[str, Any]:
    """Read the file of `search_run`. DataError if it is of another dataset or split."""
    found = read_json(path, "chosen", "search", "seconds", "shards_sha256")
    same = found["shards_sha256"].items() <= dataset.digests.items()
    if not same or found.get("split") != Path(split).stem:
        raise DataError(f"{path}: was not made from these shards and {split}; rerun the search")
    return found
