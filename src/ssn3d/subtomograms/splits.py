"""Splits into train, validation and test set: at random, or leaving one structure out."""

import os

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ssn3d.csv_files import read_csv, write_csv
from ssn3d.errors import DataError

PARTS = ("train", "validation", "test")


def split_subtomograms(
    pdb_ids: NDArray[np.str_],
    test_fraction: float,
    validation_fraction: float,
    rng: np.random.Generator,
    leave_out: str | None = None,
) -> NDArray[np.str_]:
    """Assign each subtomogram to a part, (n,).

    The test set is a random fraction of all or, with `leave_out`, all of that structure; the
    validation set is a random fraction of the rest. Raises DataError if a part would be empty.
    """
    parts = np.full(len(pdb_ids), "train", dtype="<U10")
    if leave_out is None:
        parts[rng.permutation(len(pdb_ids))[: round(test_fraction * len(pdb_ids))]] = "test"
    else:
        parts[pdb_ids == leave_out] = "test"
    rest = rng.permutation(np.flatnonzero(parts == "train"))
    parts[rest[: round(validation_fraction * len(rest))]] = "validation"
    empty = [part for part in PARTS if not (parts == part).any()]
    if empty:
        left = f" without {leave_out}" if leave_out else ""
        raise DataError(
            f"splits{left}: {', '.join(empty)} would be empty with {len(pdb_ids)} subtomograms; "
            "ask for more (subtomograms.count) or change the fractions (splits)"
        )
    return parts


def write_split(
    path: str | os.PathLike[str],
    pdb_ids: NDArray[np.str_],
    parts: NDArray[np.str_],
    selection_sha256: str,
) -> None:
    """Write a split as a table: subtomogram (row of the dataset), pdb_id, split, selection_sha256.

    The last, the same in every row, is the digest of the selected particles: datasets of other
    particles may have as many subtomograms.
    """
    columns = {"subtomogram": range(len(parts)), "pdb_id": pdb_ids, "split": parts}
    write_csv(path, pd.DataFrame(columns).assign(selection_sha256=selection_sha256))


def read_split(path: str | os.PathLike[str]) -> tuple[dict[str, NDArray[np.int_]], str]:
    """Read a split: the rows of each part, and the digest of its selection.

    Raises DataError where the file is damaged.
    """
    columns = {"subtomogram": np.int64, "pdb_id": str, "split": str, "selection_sha256": str}
    table = read_csv(path, columns)
    rows, parts = table["subtomogram"].to_numpy(), table["split"].to_numpy()
    digests = table["selection_sha256"].unique()
    whole = np.array_equal(rows, np.arange(len(rows))) and len(digests) == 1
    if not whole or not np.isin(parts, PARTS).all():
        raise DataError(f"{path}: rows or parts are damaged; delete it and rerun")
    return {part: np.flatnonzero(parts == part) for part in PARTS}, str(digests[0])
