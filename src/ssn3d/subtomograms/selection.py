"""Whose crops the datasets show: a table of tomogram, label and pdb_id, and its digest."""

import hashlib
import os
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ssn3d.csv_files import read_csv


def read_selection(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Read the table of `select_particles`. Raises DataError where it is damaged."""
    return read_csv(path, {"tomogram": str, "label": np.int64, "pdb_id": str})


def selection_sha256(
    tomograms: NDArray[np.str_], labels: NDArray[np.integer[Any]], pdb_ids: NDArray[np.str_]
) -> str:
    """SHA-256 of the particles selected, in order; columns of the table, or of a dataset, (n,).

    It ties splits to datasets: equal for all datasets and splits of one selection.
    """
    rows = zip(tomograms.tolist(), labels.tolist(), pdb_ids.tolist(), strict=True)
    text = "".join(f"{tomogram},{label},{pdb_id}\n" for tomogram, label, pdb_id in rows)
    return hashlib.sha256(text.encode()).hexdigest()
