"""Scores and masks of a test set as files, for networks and the baseline alike."""

import os

import h5py
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ssn3d.csv_files import write_csv
from ssn3d.errors import DataError
from ssn3d.hdf5 import new_hdf5

PathLike = str | os.PathLike[str]


def write_predictions(
    per_subtomogram: PathLike,
    predictions: PathLike,
    table: pd.DataFrame,
    masks: NDArray[np.uint8] | NDArray[np.bool_],
) -> None:
    """Write the scores of a test set, and its masks (m, s, s, s) with the rows they belong to."""
    write_csv(per_subtomogram, table)
    with new_hdf5(predictions) as file:
        rows = table["subtomogram"].to_numpy()
        file.create_dataset("subtomogram", data=rows, chunks=rows.shape, fletcher32=True)
        file.create_dataset(
            "masks",
            data=masks.astype(np.uint8),
            chunks=(1, *masks.shape[1:]),
            compression="gzip",
            fletcher32=True,
        )


def read_predictions(path: PathLike) -> dict[int, NDArray[np.uint8]]:
    """Read predicted masks (s, s, s) by the row of their subtomogram.

    Raises DataError where the file is missing or damaged.
    """
    try:
        with h5py.File(path, "r") as file:
            rows, masks = file["subtomogram"][:], file["masks"][:]
        return dict(zip(rows.tolist(), masks, strict=True))
    except (OSError, KeyError, ValueError, RuntimeError, TypeError) as error:
        message = f"{path}: not readable predictions ({error}); delete it and run again"
        raise DataError(message) from error
