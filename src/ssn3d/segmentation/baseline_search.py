"""The baseline's parameters, searched for on training subtomograms, and its run on the test set."""

import os
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice, product
from pathlib import Path
from typing import Any, Literal

import numpy as np
from joblib import Parallel, delayed  # type: ignore[import-untyped]
from numpy.typing import NDArray

from ssn3d.errors import DataError
from ssn3d.files import read_json, write_json
from ssn3d.log import logger, progress
from ssn3d.provenance import provenance
from ssn3d.runs import BASELINE, path_name
from ssn3d.seeds import generator
from ssn3d.segmentation.baseline import BaselineSettings, segment_on_one_thread
from ssn3d.segmentation.metrics import per_subtomogram_table, summarise
from ssn3d.segmentation.predictions import write_predictions
from ssn3d.subtomograms.steps import read_dataset
from ssn3d.subtomograms.store import Subtomograms

METHOD = path_name(BASELINE)
OBJECTIVE = "iou_foreground"


@dataclass(frozen=True)
class SearchSettings:
    """What is tried and what is fixed, named as in `BaselineSettings`, and how much is tried."""

    subtomograms: int
    """How many training subtomograms every trial segments; all of them if there are fewer."""
    trials: int
    """How many combinations are tried, drawn at random; all of them if there are fewer."""
    smoothing_sigma_voxels: Sequence[float]
    boundary_weight: Sequence[float]
    voxels_per_point: Sequence[int]
    flooded: Literal["gradient", "density"]
    max_clusters: int
    central_radius_voxels: float

    def draw(self, rng: np.random.Generator) -> list[BaselineSettings]:
        """Draw the combinations to try, none of them twice."""
        grid = [
            BaselineSettings(
                flooded=self.flooded,
                smoothing_sigma_voxels=sigma,
                boundary_weight=weight,
                voxels_per_point=voxels,
                max_clusters=self.max_clusters,
                central_radius_voxels=self.central_radius_voxels,
            )
            for sigma, weight, voxels in product(
                self.smoothing_sigma_voxels, self.boundary_weight, self.voxels_per_point
            )
        ]
        drawn = np.sort(rng.permutation(len(grid))[: self.trials])
        return [grid[index] for index in drawn]


def segment_all(
    images: NDArray[np.floating[Any]],
    settings: BaselineSettings,
    seed: int,
    workers: int,
    rows: Sequence[int] | NDArray[np.integer[Any]] | None = None,
) -> tuple[NDArray[np.bool_], list[str]]:
    """Segment subtomograms (n, s, s, s) in `workers` processes of one thread each.

    Args:
        images: the subtomograms.
        settings: parameters of the method.
        seed: the config's seed.
        workers: number of processes; the result does not depend on it.
        rows: (n,) rows of the subtomograms in their dataset, from which, with `seed`, their random
            numbers come; 0, 1, ... where not given.

    Returns:
        Masks (n, s, s, s), and the outcomes.
    """
    rows = range(len(images)) if rows is None else rows
    tasks = (
        (image, settings, generator(seed, "baseline", int(row)))
        for image, row in zip(images, rows, strict=True)
    )
    done = list(progress(segment_tasks(tasks, workers), "Xu & Alber", len(images)))
    return np.stack([mask for mask, _ in done]), [outcome for _, outcome in done]


Task = tuple[NDArray[np.floating[Any]], BaselineSettings, np.random.Generator]


def segment_tasks(tasks: Iterable[Task], workers: int) -> Iterator[tuple[NDArray[np.bool_], str]]:
    """Give masks and outcomes in the order of the tasks, computed in `workers` processes."""
    parallel = Parallel(n_jobs=workers, return_as="generator")
    results: Iterator[tuple[NDArray[np.bool_], str]] = parallel(
        delayed(segment_on_one_thread)(*task) for task in tasks
    )
    return results


def search(
    subtomograms: Subtomograms,
    rows: NDArray[np.int_],
    settings: SearchSettings,
    seed: int,
    workers: int,
) -> dict[str, Any]:
    """Try combinations of parameters on some of the subtomograms of `rows`.

    Returns:
        JSON-able: `chosen`, the settings of the highest mean IoU of the region of interest (of
        equals, the first tried); `objective`; `subtomograms`, the rows tried on; `trials`, the
        settings, metrics in percent and outcomes of each; `search`, what was asked for.
    """
    rng = generator(seed, "baseline_search", subtomograms.dataset)
    some = np.sort(rng.permutation(rows)[: settings.subtomograms])
    combinations = settings.draw(rng)
    tasks = (
        (subtomograms.images[row], combination, generator(seed, "baseline", int(row)))
        for combination in combinations
        for row in some
    )
    results = iter(progress(segment_tasks(tasks, workers), "search", len(combinations) * len(some)))
    trials: list[dict[str, Any]] = []
    for combination in combinations:
        masks, outcomes = zip(*islice(results, len(some)), strict=True)
        table = per_subtomogram_table(
            some, subtomograms.pdb_ids[some], np.stack(masks), subtomograms.masks[some], outcomes
        )
        counts = dict(sorted(Counter(outcomes).items()))
        trials.append({"settings": asdict(combination), **summarise(table), "outcomes": counts})
    return {
        "dataset": subtomograms.dataset,
        "objective": OBJECTIVE,
        "chosen": max(trials, key=lambda trial: trial[OBJECTIVE])["settings"],
        "subtomograms": some.tolist(),
        "trials": trials,
        "search": asdict(settings),
    }


def search_run(
    dataset_h5: str | os.PathLike[str],
    split_csv: str | os.PathLike[str],
    search_json: str | os.PathLike[str],
    settings: SearchSettings,
    *,
    seed: int,
    workers: int,
) -> dict[str, Any]:
    """Search on a split's training subtomograms alone, and write what came out.

    Raises:
        DataError: the dataset or the split is missing or damaged.
    """
    subtomograms, parts = read_dataset(dataset_h5, split_csv)
    start = time.perf_counter()
    found = search(subtomograms, parts["train"], settings, seed, workers)
    found |= {
        "split": Path(split_csv).stem,
        "dataset_sha256": subtomograms.sha256,
        "seed": seed,
        "seconds": time.perf_counter() - start,
    }
    write_json(search_json, found)
    best = max(trial[OBJECTIVE] for trial in found["trials"])
    logger.info("best of %d trials: IoU %.1f%%, %s", len(found["trials"]), best, found["chosen"])
    return found


def baseline_run(
    dataset_h5: str | os.PathLike[str],
    split_csv: str | os.PathLike[str],
    search_json: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    *,
    seed: int,
    workers: int,
) -> dict[str, float]:
    """Segment a split's test subtomograms with the parameters found, and write the run.

    Writes predictions.h5, per_subtomogram.csv and run.json into `folder`.

    Returns:
        The metrics over the test set, in percent.

    Raises:
        DataError: an input is missing or damaged, or the search was on another dataset or split.
    """
    subtomograms, parts = read_dataset(dataset_h5, split_csv)
    rows, split = parts["test"], Path(split_csv).stem
    found = read_json(search_json, "chosen", "search", "seconds")
    if (found.get("dataset_sha256"), found.get("split")) != (subtomograms.sha256, split):
        message = f"{search_json}: was not made from {dataset_h5} and {split_csv}; run it again"
        raise DataError(message)
    settings = BaselineSettings(**found["chosen"])
    masks, outcomes = segment_all(subtomograms.images[rows], settings, seed, workers, rows)
    pdb_ids, truth = subtomograms.pdb_ids[rows], subtomograms.masks[rows]
    table = per_subtomogram_table(rows, pdb_ids, masks, truth, outcomes)
    metrics = summarise(table)
    logger.info("%s on dataset %s: %s", METHOD, subtomograms.dataset, metrics)
    write_predictions(
        Path(folder) / "per_subtomogram.csv", Path(folder) / "predictions.h5", table, masks
    )
    write_json(
        Path(folder) / "run.json",
        {
            "method": METHOD,
            "dataset": subtomograms.dataset,
            "split": split,
            "capacity": None,
            "epochs": 0,
            "best_epoch": None,
            "stopped": None,
            "training_seconds": found["seconds"],
            "micro_batch_size": None,
            "device": "cpu",
            "precision": "float64",
            "settings": found["chosen"],
            "provenance": provenance(
                seed=seed, settings=found["search"], dataset_sha256=subtomograms.sha256
            ),
        },
    )
    return metrics
