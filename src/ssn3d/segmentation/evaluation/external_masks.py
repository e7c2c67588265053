"""Scores of masks that another program predicted.

The masks are in an HDF5 file, as `run_io.write_scores` writes it: `masks` (n, s, s, s) of 0 and 1,
and the subtomogram of each, `tomogram` (n,) text and `label` (n,), in any order.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from ssn3d import __version__
from ssn3d.core.classes import MACROMOLECULE
from ssn3d.core.errors import DataError
from ssn3d.io.files import PathLike, sha256_of, write_json
from ssn3d.io.hdf5 import FAULTS, hdf5_cannot_be_read
from ssn3d.segmentation.evaluation.run_io import TABLES, all_segmented, run_names, score_parts
from ssn3d.subtomograms.samples import groups_of
from ssn3d.subtomograms.steps import read_dataset
from ssn3d.subtomograms.store import Dataset

_KIND = "readable file of masks"
_FORMAT = "datasets masks, tomogram and label (docs/how-to/leaderboard.md)"

Name = tuple[str, int]
"""Tomogram and label of a subtomogram."""


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

    Writes per_subtomogram.csv, independent.csv and run.json.

    `predictions` is the file of masks, `shards` are those of one dataset. The leaderboard shows
    `method`, `trained_on` (datasets, or other words), the number of `parameters`, and the
    `milliseconds` per subtomogram. Returns the metrics over both sets, in percent.

    Raises DataError if a file is damaged; or a mask is missing, of another shape or not of 0 and 1.
    """
    dataset, parts = read_dataset(shards, split, TABLES)
    if len({shard.origin.dataset for shard in dataset.shards}) > 1:
        raise DataError(f"{predictions}: shards of several datasets; score one at a time")
    places = _read_places(predictions, dataset)
    for part in TABLES:
        _check_complete(predictions, part, _names(dataset, parts[part]), places)
    metrics = score_parts(
        dataset,
        parts,
        lambda part: all_segmented(_masks(predictions, dataset, parts[part], places)),
        {part: Path(folder) / name for part, name in TABLES.items()},
    )
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


def _read_places(path: PathLike, dataset: Dataset) -> dict[Name, int]:
    """Read the index of each subtomogram's mask. Raises DataError if the file is malformed."""
    try:
        with h5py.File(path, "r") as file:
            tomograms, labels = file["tomogram"].asstr()[:], file["label"][:].astype(int)
            shape = file["masks"].shape
    except (*FAULTS, AttributeError) as error:  # a group where there should be a dataset
        raise DataError(hdf5_cannot_be_read(path, _KIND, error, f"it needs {_FORMAT}")) from error
    cube = (dataset.size_voxels,) * 3
    count = (len(labels),)
    if (shape, tomograms.shape, labels.shape) != ((*count, *cube), count, count):
        message = f"masks {shape}, tomogram {tomograms.shape} and label {labels.shape}"
        raise DataError(f"{path}: {message}; there must be n of each, masks of {cube} voxels")
    names = list(zip(tomograms.tolist(), labels.tolist(), strict=True))
    places = {name: place for place, name in enumerate(names)}
    if len(places) < len(names):
        raise DataError(f"{path}: several masks of one subtomogram; keep one of each")
    return places


def _check_complete(
    path: PathLike, part: str, names: Sequence[Name], places: Mapping[Name, int]
) -> None:
    """Raise DataError if a subtomogram of a part of the split has no mask."""
    missing = [name for name in names if name not in places]
    if missing:
        tomogram, label = missing[0]
        count = f"{len(missing)} of {len(names)} {part} subtomograms have no mask"
        raise DataError(f"{path}: {count}, first tomogram {tomogram}, label {label}; add them")


def _names(dataset: Dataset, rows: NDArray[np.int_]) -> list[Name]:
    columns = dataset.tomograms[rows].tolist(), dataset.labels[rows].tolist()
    return list(zip(*columns, strict=True))


def _masks(
    path: PathLike, dataset: Dataset, rows: NDArray[np.int_], places: Mapping[Name, int]
) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
    """Yield predicted and true masks (m, s, s, s), some rows at a time.

    Raises DataError if the file is damaged, or holds values other than 0 and 1.
    """
    for some in groups_of(rows):
        names = _names(dataset, some)
        try:
            with h5py.File(path, "r") as file:
                found: NDArray[Any] = np.stack([file["masks"][places[name]] for name in names])
        except (OSError, RuntimeError) as error:
            raise DataError(hdf5_cannot_be_read(path, _KIND, error, "write it again")) from error
        wrong = np.flatnonzero(~np.isin(found, (0, 1)).all(axis=(1, 2, 3)))
        if len(wrong):
            tomogram, label = names[wrong[0]]
            mask = f"the mask of tomogram {tomogram}, label {label}"
            raise DataError(f"{path}: {mask} has values other than 0 and 1; threshold it first")
        truth = dataset.read(some)[1] == MACROMOLECULE  # masks may be numbers of classes
        yield found.astype(np.uint8), truth.astype(np.uint8)
