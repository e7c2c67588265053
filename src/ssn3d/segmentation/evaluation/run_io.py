"""Files of a run: record (run.json), tables of scores (CSV) and predicted masks (HDF5).

This module does not import torch, so that the baseline and the report start without it.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ssn3d.core.errors import DataError
from ssn3d.core.log import logger
from ssn3d.core.provenance import provenance
from ssn3d.io.files import PathLike, write_json
from ssn3d.io.hdf5 import FAULTS, hdf5_cannot_be_read, new_hdf5
from ssn3d.io.tables import write_csv
from ssn3d.segmentation.evaluation.metrics import SEGMENTED, block_ceilings, score_masks, summarise
from ssn3d.segmentation.evaluation.surface_distance import surface_distances
from ssn3d.subtomograms.store import Dataset

Masks = NDArray[np.uint8] | NDArray[np.bool_]
Segmented = Iterable[tuple[Masks, NDArray[np.uint8], Sequence[str]]]
"""Groups of m subtomograms: predicted masks, true masks (m, s, s, s) and outcomes (m,)."""
TABLES = {"test": "per_subtomogram.csv", "independent": "independent.csv"}
"""Table of scores of each evaluated part of a split."""


def run_names(method: str, dataset: Dataset, split: PathLike, repeat: str = "") -> dict[str, str]:
    """Name a run: method (as in paths), dataset, and split with the suffix of the repeat."""
    return {"method": method, "dataset": dataset.name, "split": Path(split).stem + repeat}


def write_run_record(
    path: PathLike,
    names: Mapping[str, str],
    outcome: Mapping[str, Any],
    data: tuple[Dataset, Mapping[str, NDArray[np.int_]]],
    *,
    seed: int,
    settings: dict[str, Any],
    gpus: Sequence[str] = (),
) -> None:
    """Write run.json: names, outcome and provenance.

    `data` is the dataset and the rows of each part of the split; `gpus` are the names of GPUs.
    """
    dataset, rows = data
    made = provenance(
        seed=seed,
        settings=settings,
        gpus=gpus,
        shards_sha256=dataset.digests,
        subtomograms={part: len(members) for part, members in rows.items()},
    )
    write_json(path, {**names, **outcome, "provenance": made})


def write_scores(
    path: PathLike,
    dataset: Dataset,
    rows: NDArray[np.int_],
    segmented: Segmented,
    *,
    block: int = 1,
    predictions: PathLike | None = None,
) -> pd.DataFrame:
    """Score subtomograms as they are segmented, and write a table.

    `segmented` are masks of the rows (n,), group by group. The method's output is constant in cubes
    of `block` voxels. `predictions` is the file for the predicted masks, if any.

    Returns:
        The table: dataset, tomogram, label, pdb_id, outcome, the columns of `score_masks` and
        `block_ceilings`, `surface_distance`, and `milliseconds` to read and segment a subtomogram
        (mean of its group).
    """
    tables, done = [], 0
    with new_hdf5(predictions) if predictions else nullcontext() as file:
        if file:
            _allocate_predictions(file, dataset, rows)
        started = time.perf_counter()
        for masks, truth, outcomes in segmented:
            seconds = (time.perf_counter() - started) / len(masks)
            some = rows[done : done + len(masks)]
            names = {
                "dataset": dataset.datasets[some],
                "tomogram": dataset.tomograms[some],
                "label": dataset.labels[some],
                "pdb_id": dataset.pdb_ids[some],
                "outcome": list(outcomes),
            }
            scores = (pd.DataFrame(names), score_masks(masks, truth), block_ceilings(truth, block))
            table = pd.concat(scores, axis=1)
            table["surface_distance"] = surface_distances(masks, truth)
            tables.append(table.assign(milliseconds=1000 * seconds))
            if file:
                file["masks"][done : done + len(masks)] = masks
            done += len(masks)
            started = time.perf_counter()
    table = pd.concat(tables, ignore_index=True)
    write_csv(path, table)
    return table


def score_parts(
    dataset: Dataset,
    rows: Mapping[str, NDArray[np.int_]],
    segmented: Callable[[str], Segmented],
    tables: Mapping[str, PathLike],
    *,
    title: str | None = None,
    block: int = 1,
    predictions: PathLike | None = None,
) -> dict[str, dict[str, float]]:
    """Write the scores of each part of a split that has a table in `tables`; log them with a title.

    `segmented` yields the masks of a part. `predictions` is the file for those of the test set;
    `block` is as in `write_scores`. Returns the result of `summarise` for each part.
    """
    metrics = {}
    for part, path in tables.items():
        masks = predictions if part == "test" else None
        found = segmented(part)
        table = write_scores(path, dataset, rows[part], found, block=block, predictions=masks)
        metrics[part] = scores = summarise(table)
        if title:
            text = "%s, %s: %d subtomograms, pixel accuracy %.2f%%, mIoU %.2f%%"
            values = scores["subtomograms"], scores["pixel_accuracy"], scores["miou"]
            logger.info(text, title, part, *values)
    return metrics


def all_segmented(pairs: Iterable[tuple[Masks, NDArray[np.uint8]]]) -> Segmented:
    """Add the outcome of a method that segments every subtomogram."""
    for masks, truth in pairs:
        yield masks, truth, [SEGMENTED] * len(masks)


def _allocate_predictions(file: h5py.File, dataset: Dataset, rows: NDArray[np.int_]) -> None:
    """Create datasets for predicted masks, and for the tomogram and label of each."""
    cube = (dataset.size_voxels,) * 3
    file.create_dataset(
        "masks",
        (len(rows), *cube),
        np.uint8,
        chunks=(1, *cube),
        compression="gzip",
        fletcher32=True,
    )
    for name, values in {
        "tomogram": np.char.encode(dataset.tomograms[rows], "ascii"),
        "label": dataset.labels[rows],
    }.items():
        file.create_dataset(name, data=values, chunks=values.shape, fletcher32=True)


def read_prediction(path: PathLike, tomogram: str, label: int) -> NDArray[np.uint8]:
    """Read the predicted mask (s, s, s) of a subtomogram.

    Raises DataError if the file is missing or damaged, or lacks the subtomogram.
    """
    try:
        with h5py.File(path, "r") as file:
            names, labels = np.char.decode(file["tomogram"][:], "ascii"), file["label"][:]
            (row,) = np.flatnonzero((names == tomogram) & (labels == label))
            mask: NDArray[np.uint8] = file["masks"][row]
    except FAULTS as error:
        raise DataError(hdf5_cannot_be_read(path, "readable file of predictions", error)) from error
    return mask
