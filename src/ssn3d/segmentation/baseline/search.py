"""The baseline on many subtomograms, and the search for its parameters on the training set."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice, product
from typing import Any

import numpy as np
from joblib import Parallel, delayed  # type: ignore[import-untyped]
from numpy.typing import NDArray

from ssn3d.core.log import progress
from ssn3d.core.seeds import generator
from ssn3d.segmentation.baseline.segment import segment_on_one_thread
from ssn3d.segmentation.evaluation.metrics import score_masks, summarise
from ssn3d.segmentation.settings import BaselineParameters, BaselineSettings
from ssn3d.subtomograms.samples import groups_of
from ssn3d.subtomograms.store import Dataset

OBJECTIVE = "iou_foreground"


def draw_combinations(
    settings: BaselineSettings, rng: np.random.Generator
) -> list[BaselineParameters]:
    """Draw different combinations; other parameters are those of the unsupervised baseline."""
    tried = settings.search.model_dump(exclude={"subtomograms", "trials"})
    grid = [
        settings.unsupervised.model_copy(update=dict(zip(tried, values, strict=True)))
        for values in product(*tried.values())
    ]
    drawn = np.sort(rng.permutation(len(grid))[: settings.search.trials])
    return [grid[index] for index in drawn]


def segment_rows(
    dataset: Dataset,
    rows: NDArray[np.int_],
    parameters: BaselineParameters,
    seed: int,
    workers: int,
) -> Iterator[tuple[NDArray[np.bool_], NDArray[np.uint8], list[str]]]:
    """Segment the subtomograms at `rows` in `workers` processes, which do not change the result.

    Yields masks and true masks (m, s, s, s) and outcomes (m,), some subtomograms at a time.
    """
    for some in progress(groups_of(rows), "Xu & Alber"):
        images, truth = dataset.read(some)
        results = _segment_each(dataset, some, images, [parameters], seed=seed, workers=workers)
        masks, outcomes = zip(*results, strict=True)
        yield np.stack(masks), truth, list(outcomes)


def subtomogram_generator(seed: int, tomogram: str, label: int) -> np.random.Generator:
    """Random generator of one subtomogram."""
    return generator(seed, "baseline", tomogram, label)


def _segment_each(
    dataset: Dataset,
    rows: NDArray[np.int_],
    images: NDArray[np.floating[Any]],
    combinations: Sequence[BaselineParameters],
    *,
    seed: int,
    workers: int,
) -> Iterator[tuple[NDArray[np.bool_], str]]:
    """Yield the mask and outcome of each image at `rows`, for each combination in turn."""
    names = [(str(dataset.tomograms[row]), int(dataset.labels[row])) for row in rows]
    results: Iterator[tuple[NDArray[np.bool_], str]] = Parallel(workers, return_as="generator")(
        delayed(segment_on_one_thread)(image, combination, subtomogram_generator(seed, *name))
        for combination in combinations
        for image, name in zip(images, names, strict=True)
    )
    return results


def search(
    dataset: Dataset,
    rows: NDArray[np.int_],
    settings: BaselineSettings,
    *,
    seed: int,
    workers: int,
) -> dict[str, Any]:
    """Try combinations of parameters on some of the subtomograms at `rows`.

    Returns:
        Content of a JSON file: `chosen`, the settings of the highest mean foreground IoU (the first
        of equals); `objective`; `subtomograms`, tomogram and label of each; `trials`, each with its
        settings, metrics in percent and outcomes; `search` and `fixed`, the settings of the search.
    """
    rng = generator(seed, "baseline_search", dataset.name)
    some = np.sort(rng.permutation(rows)[: settings.search.subtomograms])
    images, truth = dataset.read(some)
    combinations = draw_combinations(settings, rng)
    tasks = _segment_each(dataset, some, images, combinations, seed=seed, workers=workers)
    results = iter(progress(tasks, "search", len(combinations) * len(some)))
    trials: list[dict[str, Any]] = []
    for combination in combinations:
        masks, outcomes = zip(*islice(results, len(some)), strict=True)
        scores = summarise(score_masks(np.stack(masks), truth))
        counts = dict(sorted(Counter(outcomes).items()))
        trials.append({"settings": combination.model_dump(), **scores, "outcomes": counts})
    return {
        "dataset": dataset.name,
        "objective": OBJECTIVE,
        "chosen": max(trials, key=lambda trial: trial[OBJECTIVE])["settings"],
        "subtomograms": [[str(dataset.tomograms[i]), int(dataset.labels[i])] for i in some],
        "trials": trials,
        "search": settings.search.model_dump(),
        "fixed": settings.unsupervised.model_dump(),
    }
