"""Masks that were predicted elsewhere, scored as those of our own methods are.

The file is that of `run_files.write_scores`, HDF5: `masks` (n, s, s, s) of 0 and 1, and which
subtomogram each is of, `tomogram` (n,) text and `label` (n,), in any order.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from ssn3d import __version__
from ssn3d.core.errors import DataError
from ssn3d.io.files import PathLike, sha256_of, write_json
from ssn3d.io.hdf5 import FAULTS, hdf5_cannot_be_read
from ssn3d.segmentation.evaluation.metrics import SEGMENTED, summarise
from ssn3d.segmentation.evaluation.run_io import run_names, write_scores
from ssn3d.subtomograms.samples import groups_of
from ssn3d.subtomograms.steps import check_parts, read_dataset
from ssn3d.subtomograms.store import Dataset

TABLES = {"test": "per_subtomogram.csv", "independent": "independent.csv"}
_AT_ONCE = 64  # masks in memory
_FORMAT = "datasets masks, tomogram and label (docs/leaderboard.md)"


def score_predictions(
    predictions: PathLike,
    shards: Sequence[PathLike],
    split: PathLike,
    folder: PathLike,
    *,
    method: str,
    trained_on: str,
    parameters: int | None = None,
    milliseconds: float | None = None,
) -> dict[str, dict[str, float]]:
    """Score masks of a split's test and independent subtomograms, for the leaderboard.

    Writes per_subtomogram.csv, independent.csv and run.json into `folder`.

    Args:
        predictions: file of masks.
        shards: files of one dataset.
        split: file of the split.
        folder: for the scores.
        method: its name in the leaderboard.
        trained_on: names of datasets, or other words.
        parameters: of the network; None if there is none.
        milliseconds: that a subtomogram takes; None if not known.

    Returns:
        The metrics over the test and the independent set, in percent.

    Raises:
        DataError: a file is damaged; a mask is missing, or is not of 0 and 1 and the right shape.
    """
    dataset, parts = read_dataset(shards, split)
    if len({shard.origin.dataset for shard in dataset.shards}) > 1:
        raise DataError(f"{predictions}: shards of several datasets; score one at a time")
    check_parts(parts, [*TABLES], split)
    places = _places(predictions, dataset, parts)
    metrics = {}
    for part, table in TABLES.items():
        masks = _masks(predictions, dataset, parts[part], places)
        scores = write_scores(Path(folder) / table, dataset, parts[part], masks)
        metrics[part] = summarise(scores)
    record = {
        **run_names(method, dataset, split),
        "trained_on": trained_on,
        "capacity": parameters,
        "milliseconds": milliseconds,
        "predictions_sha256": sha256_of(predictions),
        "split_sha256": sha256_of(split),
        "shards_sha256": dataset.digests,
        "ssn3d": __version__,
    }
    write_json(Path(folder) / "run.json", record)
    return metrics


def _places(
    path: PathLike, dataset: Dataset, parts: Mapping[str, NDArray[np.int_]]
) -> dict[tuple[str, int], int]:
    """Find where the mask of each subtomogram is. Raises DataError where one is missing."""
    try:
        with h5py.File(path, "r") as file:
            tomograms, labels = file["tomogram"].asstr()[:], file["label"][:].astype(int)
            shape = file["masks"].shape
    except FAULTS as error:
        message = hdf5_cannot_be_read(path, "readable file of masks", error, f"it needs {_FORMAT}")
        raise DataError(message) from error
    cube = (dataset.size_voxels,) * 3
    if shape != (len(labels), *cube) or len(tomograms) != len(labels):
        message = f"masks {shape}, {len(tomograms)} tomograms and {len(labels)} labels"
        raise DataError(f"{path}: {message}; there must be n of each, masks of {cube} voxels")
    names = list(zip(tomograms.tolist(), labels.tolist(), strict=True))
    places = {name: place for place, name in enumerate(names)}
    if len(places) < len(names):
        raise DataError(f"{path}: several masks of one subtomogram; leave one of each")
    for part in TABLES:
        missing = [name for name in _names(dataset, parts[part]) if name not in places]
        if missing:
            tomogram, label = missing[0]
            count = f"{len(missing)} of {len(parts[part])} {part} subtomograms have no mask"
            raise DataError(f"{path}: {count}, first tomogram {tomogram}, label {label}; add them")
    return places


def _names(dataset: Dataset, rows: NDArray[np.int_]) -> list[tuple[str, int]]:
    """Give the tomogram and label of each row."""
    columns = dataset.tomograms[rows].tolist(), dataset.labels[rows].tolist()
    return list(zip(*columns, strict=True))


def _masks(
    path: PathLike,
    dataset: Dataset,
    rows: NDArray[np.int_],
    places: Mapping[tuple[str, int], int],
) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.uint8], list[str]]]:
    """Yield masks of the subtomograms at `rows`, true masks and outcomes, some at a time.

    Raises DataError where the file is damaged, or has values other than 0 and 1.
    """
    for some in groups_of(rows, _AT_ONCE):
        names = _names(dataset, some)
        try:
            with h5py.File(path, "r") as file:
                found = np.stack([file["masks"][places[name]] for name in names])
        except (OSError, RuntimeError) as error:
            message = hdf5_cannot_be_read(path, "readable file of masks", error, "write it again")
            raise DataError(message) from error
        _check_values(path, found, names)
        yield found.astype(np.uint8), dataset.read(some)[1], [SEGMENTED] * len(some)


def _check_values(path: PathLike, masks: NDArray[Any], names: Sequence[tuple[str, int]]) -> None:
    """Raise DataError where a mask has values other than 0 and 1."""
    wrong = np.flatnonzero(~np.isin(masks, (0, 1)).all(axis=(1, 2, 3)))
    if len(wrong):
        tomogram, label = names[wrong[0]]
        message = f"the mask of tomogram {tomogram}, label {label} has values other than 0 and 1"
        raise DataError(f"{path}: {message}; threshold probabilities first")
