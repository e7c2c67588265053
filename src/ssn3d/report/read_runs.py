"""Reader of the segmentation results: one folder for each method, dataset and split."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ssn3d.core.errors import DataError
from ssn3d.io.files import PathLike, read_json
from ssn3d.io.tables import read_csv

_PERCENT = [
    "pixel_accuracy", "iou_background", "iou_foreground", "ceiling_miou", "ceiling_pixel_accuracy",
    "accurate_miou",
]  # fmt: skip
_COUNTS = ["true_positive", "false_positive", "false_negative", "true_negative", "surface"]
SCORES = {
    "tomogram": str, "label": np.int64, "pdb_id": str, "outcome": str,
    **dict.fromkeys(_PERCENT, np.float64), **dict.fromkeys(_COUNTS, np.int64),
}  # fmt: skip
_CURVES = ["train_loss", "validation_loss", "validation_pixel_accuracy", "validation_miou"]
_HISTORY = {"epoch": np.int64, **dict.fromkeys(_CURVES, np.float64)}
_RECORD = ["capacity", "epochs", "training_seconds"]


@dataclass(frozen=True)
class Run:
    """Results of one run."""

    record: dict[str, Any]
    """Content of run.json."""
    subtomograms: pd.DataFrame
    """Rows of per_subtomogram.csv: the test set, accuracies and IoUs in percent."""
    independent: pd.DataFrame
    """Rows of independent.csv: subtomograms of tomograms that no training saw."""


def missing_files(folder: Path) -> list[Path]:
    """List the files that a run lacks; none for a finished run."""
    files = [folder / name for name in ("run.json", "per_subtomogram.csv", "independent.csv")]
    return [file for file in files if not file.exists()]


def read_run(folder: Path) -> Run:
    """Read a finished run.

    Raises DataError if a file is missing or damaged, or belongs to another run.
    """
    record = read_json(folder / "run.json", *_RECORD)
    names = (record.get("method"), record.get("dataset"), record.get("split"))
    if names != folder.parts[-3:]:
        raise DataError(f"{folder / 'run.json'}: belongs to the run {names}; delete it and rerun")
    tables = (folder / name for name in ("per_subtomogram.csv", "independent.csv"))
    return Run(record, *map(read_per_subtomogram, tables))


def read_per_subtomogram(path: PathLike) -> pd.DataFrame:
    """Read the scores of a test set. Raises DataError if the file is missing or damaged."""
    return read_csv(path, SCORES)


def read_history(path: PathLike) -> pd.DataFrame:
    """Read history.csv, a row per epoch. Raises DataError if the file is missing or damaged."""
    return read_csv(path, _HISTORY)


def mask_voxels(subtomograms: pd.DataFrame) -> "pd.Series[int]":
    """Count the voxels of each true mask, from the counts of per_subtomogram.csv."""
    return subtomograms["true_positive"] + subtomograms["false_negative"]
