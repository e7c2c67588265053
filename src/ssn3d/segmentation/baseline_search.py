"""The baseline on many subtomograms, and a search for its parameters on training subtomograms."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, product
from typing import Any

import numpy as np
from joblib import Parallel, delayed  # type: ignore[import-untyped]
from numpy.typing import NDArray

from ssn3d.log import progress
from ssn3d.seeds import generator
from ssn3d.segmentation.baseline import segment_on_one_thread
from ssn3d.segmentation.metrics import per_subtomogram_table, summarise
from ssn3d.segmentation.settings import BaselineParameters, BaselineSettings
from ssn3d.subtomograms.store import Subtomograms

OBJECTIVE = "iou_foreground"


def draw_combinations(
    settings: BaselineSettings, rng: np.random.Generator
) -> list[BaselineParameters]:
    """Draw different combinations; other parameters are those of the unsupervised method."""
    tried = settings.search.model_dump(exclude={"subtomograms", "trials"})
    grid = [
        settings.unsupervised.model_copy(update=dict(zip(tried, values, strict=True)))
        for values in product(*tried.values())
    ]
    drawn = np.sort(rng.permutation(len(grid))[: settings.search.trials])
    return [grid[index] for index in drawn]


def segment_all(
    images: NDArray[np.floating[Any]],
    parameters: BaselineParameters,
    seed: int,
    workers: int,
    rows: Sequence[int] | NDArray[np.integer[Any]] | None = None,
) -> tuple[NDArray[np.bool_], list[str]]:
    """Segment subtomograms (n, s, s, s) in `workers` processes of one thread each.

    Args:
        images: the subtomograms.
        parameters: those of the method.
        seed: the configuration's seed.
        workers: number of processes; the result does not depend on it.
        rows: (n,) rows of the subtomograms in their dataset; with `seed` they seed the random
            numbers. Default 0, 1, ...

    Returns:
        Masks (n, s, s, s), and the outcomes.
    """
    rows = range(len(images)) if rows is None else rows
    tasks = (
        (image, parameters, generator(seed, "baseline", int(row)))
        for image, row in zip(images, rows, strict=True)
    )
    done = list(progress(segment_tasks(tasks, workers), "Xu & Alber", len(images)))
    return np.stack([mask for mask, _ in done]), [outcome for _, outcome in done]


Task = tuple[NDArray[np.floating[Any]], BaselineParameters, np.random.Generator]


def segment_tasks(tasks: Iterable[Task], workers: int) -> Iterator[tuple[NDArray[np.bool_], str]]:
    """Yield masks and outcomes in the order of the tasks, from `workers` processes."""
    parallel = Parallel(n_jobs=workers, return_as="generator")
    results: Iterator[tuple[NDArray[np.bool_], str]] = parallel(
        delayed(segment_on_one_thread)(*task) for task in tasks
    )
    return results


def search(
    subtomograms: Subtomograms,
    rows: NDArray[np.int_],
    settings: BaselineSettings,
    *,
    seed: int,
    workers: int,
) -> dict[str, Any]:
    """Try combinations of parameters on some of the subtomograms at `rows`.

    Returns:
        For JSON: `chosen`, the settings of the highest mean IoU of the region of interest (the
        first of equals); `objective`; `subtomograms`, the rows used; `trials`, each with its
        settings, metrics in percent and outcomes; `search` and `fixed`, the settings of the search.
    """
    rng = generator(seed, "baseline_search", subtomograms.dataset)
    some = np.sort(rng.permutation(rows)[: settings.search.subtomograms])
    combinations = draw_combinations(settings, rng)
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
        trials.append(
            {"settings": combination.model_dump(), **summarise(table), "outcomes": counts}
        )
    return {
        "dataset": subtomograms.dataset,
        "objective": OBJECTIVE,
        "chosen": max(trials, key=lambda trial: trial[OBJECTIVE])["settings"],
        "subtomograms": some.tolist(),
        "trials": trials,
        "search": settings.search.model_dump(),
        "fixed": settings.unsupervised.model_dump(),
    }
