"""The baseline on many subtomograms, and a search for its parameters on training subtomograms."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice, product
from typing import Any

import numpy as np
from joblib import Parallel, delayed  # type: ignore[import-untyped]
from numpy.typing import NDArray

from ssn3d.log import progress
from ssn3d.seeds import generator
from ssn3d.segmentation.baseline import BaselineSettings, segment_on_one_thread
from ssn3d.segmentation.metrics import per_subtomogram_table, summarise
from ssn3d.subtomograms.store import Subtomograms

OBJECTIVE = "iou_foreground"


@dataclass(frozen=True)
class SearchSettings:
    """What is tried, named as in `BaselineSettings`, and how much of it."""

    subtomograms: int
    """How many training subtomograms every trial segments; all of them if there are fewer."""
    trials: int
    """How many combinations are tried, drawn at random; all of them if there are fewer."""
    smoothing_sigma_voxels: Sequence[float]
    boundary_weight: Sequence[float]
    voxels_per_point: Sequence[int]

    def draw(self, fixed: BaselineSettings, rng: np.random.Generator) -> list[BaselineSettings]:
        """Draw different combinations; parameters that are not searched for come from `fixed`."""
        grid = [
            replace(
                fixed,
                smoothing_sigma_voxels=sigma,
                boundary_weight=weight,
                voxels_per_point=voxels,
            )
            for sigma, weight, voxels in product(
                self.smoothing_sigma_voxels, self.boundary_weight, self.voxels_per_point
            )
        ]
        drawn = np.sort(rng.permutation(len(grid))[: self.trials])
        return [grid[index] for index in drawn]


def baseline_settings(section: Mapping[str, Any]) -> tuple[BaselineSettings, SearchSettings]:
    """Give the unsupervised method's parameters and what the tuned one may choose from.

    `section` is the `baseline` section of the configuration.
    """
    fixed = {key: value for key, value in section.items() if key != "search"}
    return BaselineSettings(**fixed), SearchSettings(**section["search"])


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
        seed: the configuration's seed.
        workers: number of processes; the result does not depend on it.
        rows: (n,) rows of the subtomograms in their dataset; with `seed` they seed the random
            numbers. Default 0, 1, ...

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
    """Yield masks and outcomes in the order of the tasks, from `workers` processes."""
    parallel = Parallel(n_jobs=workers, return_as="generator")
    results: Iterator[tuple[NDArray[np.bool_], str]] = parallel(
        delayed(segment_on_one_thread)(*task) for task in tasks
    )
    return results


def search(
    subtomograms: Subtomograms,
    rows: NDArray[np.int_],
    fixed: BaselineSettings,
    settings: SearchSettings,
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
    some = np.sort(rng.permutation(rows)[: settings.subtomograms])
    combinations = settings.draw(fixed, rng)
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
        "fixed": asdict(fixed),
    }
