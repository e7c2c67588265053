"""Files of a run of a network or the baseline: its record, scores and predicted masks.

Nothing here imports torch, so that the baseline and the report start without it.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ssn3d.csv_files import write_csv
from ssn3d.errors import DataError
from ssn3d.files import write_json
from ssn3d.hdf5 import new_hdf5
from ssn3d.provenance import provenance
from ssn3d.subtomograms.store import Subtomograms

PathLike = str | os.PathLike[str]


def run_names(method: str, subtomograms: Subtomograms, split: PathLike) -> dict[str, str]:
    """Name a run: its method (as in paths), dataset and split."""
    return {"method": method, "dataset": subtomograms.dataset, "split": Path(split).stem}


def write_run_record(
    path: PathLike,
    names: Mapping[str, str],
    outcome: Mapping[str, Any],
    data: tuple[Subtomograms, Mapping[str, NDArray[np.int_]]],
    *,
    seed: int,
    settings: dict[str, Any],
    gpus: Sequence[str] = (),
) -> None:
    """Write the run.json of a network or the baseline: names, outcome and provenance.

    `data` is the dataset and the rows of each part of the split; `gpus` are those of the machine.
    """
    subtomograms, rows = data
    made = provenance(
        seed=seed,
        settings=settings,
        gpus=gpus,
        dataset_sha256=subtomograms.sha256,
        subtomograms={part: len(members) for part, members in rows.items()},
    )
    write_json(path, {**names, **outcome, "provenance": made})


def write_predictions(
    per_subtomogram: PathLike,
    predictions: PathLike,
    table: pd.DataFrame,
    masks: NDArray[np.uint8] | NDArray[np.bool_],
) -> None:
    """Write the scores of a test set, and its predicted masks (m, s, s, s) with their rows."""
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
        message = f"{path}: not readable predictions ({error}); delete it and rerun"
        raise DataError(message) from error
