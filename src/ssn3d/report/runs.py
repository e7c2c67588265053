"""Runs as the stage before leaves them: one folder for each method, dataset and split."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ssn3d.errors import DataError
from ssn3d.files import read_json

_COLUMNS = [
    "subtomogram", "pdb_id", "outcome", "pixel_accuracy", "iou_background", "iou_foreground",
    "true_positive", "false_positive", "false_negative", "true_negative",
]  # fmt: skip


@dataclass(frozen=True)
class Run:
    """What the report needs of one run."""

    record: dict[str, Any]
    """The content of run.json."""
    subtomograms: pd.DataFrame
    """The rows of per_subtomogram.csv: the test set, accuracies and IoUs in percent."""


def missing_files(folder: Path) -> list[Path]:
    """Files without which a run cannot enter a table; empty for a finished run."""
    files = [folder / "run.json", folder / "per_subtomogram.csv"]
    return [file for file in files if not file.exists()]


def read_run(folder: Path) -> Run:
    """Read one finished run.

    Raises:
        DataError: a file is missing or damaged, or belongs to another run.
    """
    record = read_json(folder / "run.json")
    names = (record.get("method"), record.get("dataset"), record.get("split"))
    if names != folder.parts[-3:]:
        message = f"{folder / 'run.json'}: is of the run {names}; delete it and run again"
        raise DataError(message)
    return Run(record, read_per_subtomogram(folder / "per_subtomogram.csv"))


def read_per_subtomogram(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Read the table of one test set; IDs such as 1E10 stay text.

    Raises:
        DataError: the file is missing or damaged.
    """
    return _read_csv(path, _COLUMNS)


def read_history(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Read history.csv, one row an epoch.

    Raises:
        DataError: the file is missing or damaged.
    """
    columns = ["train_loss", "validation_loss", "validation_pixel_accuracy", "validation_miou"]
    return _read_csv(path, ["epoch", *columns])


def mask_voxels(subtomograms: pd.DataFrame) -> "pd.Series[int]":
    """Voxels of each true mask, from the counts of per_subtomogram.csv."""
    return subtomograms["true_positive"] + subtomograms["false_negative"]


def _read_csv(path: str | os.PathLike[str], columns: list[str]) -> pd.DataFrame:
    """Read a CSV that must have certain columns, without gaps in them."""
    try:
        table = pd.read_csv(path, dtype={"pdb_id": str, "outcome": str}, keep_default_na=False)
        table = table[columns]
        numbers = table.drop(columns=["pdb_id", "outcome"], errors="ignore")
        numbers.to_numpy(dtype=float)  # text among the numbers fails here
    except (OSError, KeyError, ValueError) as error:
        message = f"{path}: not a table of ssn3d ({error}); delete it and run again"
        raise DataError(message) from error
    return table
