"""Baselines on files: shards and a split in, the files of a run out. Imports no torch."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ssn3d.core.errors import DataError
from ssn3d.core.log import logger
from ssn3d.experiment.runs import ORACLE, OTSU, TUNED_BASELINE, path_name
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
from ssn3d.subtomograms.steps import read_dataset
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

    Raises DataError if a shard or the split is missing or damaged, or cubes have no particle at
    their centre.
    """
    dataset, parts = read_dataset(shards, split, ["train"])
    _check_centres(dataset, TUNED_BASELINE)
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
    method: str,
    parameters: BaselineParameters | PathLike,
    folder: PathLike,
    *,
    seed: int,
    workers: int,
) -> dict[str, dict[str, float]]:
    """Segment a split's test and independent subtomograms without a network.

    Writes predictions.h5, per_subtomogram.csv, independent.csv and run.json into `folder`. `method`
    is one of `runs.BASELINES`; the parameters of the tuned one are a file of `search_run`. Returns
    the metrics over both sets, in percent.

    Raises DataError if an input is damaged, cubes have no particle at their centre, or the search
    used another dataset or split.
    """
    data = dataset, parts = read_dataset(shards, split, TABLES)
    _check_centres(dataset, method)
    if isinstance(parameters, BaselineParameters):
        chosen, requested, seconds = parameters, parameters.model_dump(), 0.0
    else:
        found = _read_search(parameters, split, dataset)
        chosen = BaselineParameters(**found["chosen"])
        requested, seconds = found["search"], found["seconds"]
    settings, levels = chosen.model_dump(), dict[str, float | None]()
    title = f"{method} on dataset {dataset.name}"
    if method in {OTSU, ORACLE}:
        started = time.perf_counter()
        levels = {  # None: Otsu's; the oracle's is chosen on the true masks of the part itself
            part: best_level(dataset, parts[part], chosen, workers) if method == ORACLE else None
            for part in TABLES
        }
        logger.info("%s: thresholds %s", title, levels)
        seconds = time.perf_counter() - started
        requested = chosen.model_dump(include={"smoothing_sigma_voxels", "central_radius_voxels"})
        settings = requested | {"levels": levels}

    def segmented(part: str) -> Segmented:
        if levels:
            return threshold_rows(dataset, parts[part], chosen, levels[part])
        return segment_rows(dataset, parts[part], chosen, seed, workers)

    place = Path(folder)
    tables, masks = {part: place / name for part, name in TABLES.items()}, place / "predictions.h5"
    metrics = score_parts(dataset, parts, segmented, tables, title=title, predictions=masks)
    names = run_names(path_name(method), dataset, split)
    record = _OUTCOME | {"training_seconds": seconds, "settings": settings}
    write_run_record(place / "run.json", names, record, data, seed=seed, settings=requested)
    return metrics


_OUTCOME = {
    "capacity": None,
    "epochs": 0,
    "best_epoch": None,
    "stopped": None,
    "micro_batch_size": None,
    "device": "cpu",
    "precision": "float64",
}


def _check_centres(dataset: Dataset, method: str) -> None:
    """Raise DataError for cubes at random places, which have no particle at their centre."""
    target = dataset.shards[0].origin.target
    if target == "classes":
        raise DataError(
            f"{dataset.shards[0].path}: {method} segments the particle at the centre of a cube, "
            f"these cubes are at random places (subtomograms.target: {target}); choose another "
            "target, or leave the method out"
        )


def _read_search(path: PathLike, split: PathLike, dataset: Dataset) -> dict[str, Any]:
    """Read the file of `search_run`. DataError if it is of another dataset or split."""
    found = read_json(path, "chosen", "search", "seconds", "shards_sha256")
    same = found["shards_sha256"].items() <= dataset.digests.items()
    if not same or found.get("split") != Path(split).stem:
        raise DataError(f"{path}: was not made from these shards and {split}; rerun the search")
    return found
