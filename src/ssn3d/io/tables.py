"""CSV files between stages, as pandas tables: written whole, checked when read."""

import csv
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ssn3d.core.errors import DataError
from ssn3d.io.delimited import refuse_repeated
from ssn3d.io.files import DELETE, PathLike, cannot_be_read, write_text


def write_csv(path: PathLike, table: pd.DataFrame) -> None:
    """Write a table without its index."""
    write_text(path, table.to_csv(index=False))


def read_csv(
    path: PathLike,
    columns: Mapping[str, type[Any]],
    *,
    may_be_empty: Collection[str] = (),
    remedy: str = DELETE,
) -> pd.DataFrame:
    """Read columns with their types; other columns are ignored.

    An empty cell is NaN in the numeric columns `may_be_empty`, and an error in all others.

    Raises DataError if the file is missing or damaged, lacks a column or has it twice, has no rows
    or an empty cell, or holds NaN or infinity. The message ends with the remedy if the file is
    damaged.
    """
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as stream:
            titles = next(csv.reader(stream), [])
        table = pd.read_csv(
            Path(path),
            dtype=dict(columns),
            keep_default_na=False,
            na_values={column: [""] for column in may_be_empty},
        )[list(columns)]
    except (OSError, KeyError, ValueError, csv.Error) as error:
        raise DataError(cannot_be_read(path, "table of ssn3d", error, remedy)) from error
    refuse_repeated(path, [title for title in titles if title in columns], remedy)
    if not isinstance(table.index, pd.RangeIndex):  # pandas made an index of the first column
        raise DataError(f"{path}: rows have more cells than there are titles; {remedy}")
    if table.empty:
        raise DataError(f"{path}: holds no rows; {remedy}")
    full = table.drop(columns=list(may_be_empty))
    if not np.isfinite(full.select_dtypes("number").to_numpy(dtype=float)).all():
        raise DataError(f"{path}: holds NaN or infinity; {remedy}")
    empty = [str(column) for column in full if (full[column] == "").any()]
    if empty:
        raise DataError(f"{path}: empty cells in {', '.join(empty)}; {remedy}")
    return table
