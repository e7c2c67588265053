"""Tables between stages: CSV files that notice damage.

Their last column, the same in every row, is the CRC-32 of all the others: a column, because every
reader of CSV files takes one, which is not true of a comment.
"""

import io
import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ssn3d.errors import DataError
from ssn3d.files import atomic_path, crc32_of

_CHECKSUM = "crc32"


def write_csv(path: str | os.PathLike[str], table: pd.DataFrame) -> None:
    """Write a table, its index left out, and its checksum."""
    text = table.to_csv(index=False)
    header, *rows = text.splitlines()
    ends = [f"{header},{_CHECKSUM}", *(f"{row},{crc32_of(text)}" for row in rows)]
    with atomic_path(path) as partial:
        partial.write_text("\n".join([*ends, ""]), encoding="utf-8")


def read_csv(
    path: str | os.PathLike[str],
    columns: Mapping[str, type[Any]],
    *,
    may_be_empty: Collection[str] = (),
    separator: str = ",",
    remedy: str = "delete it and run again",
) -> pd.DataFrame:
    """Read columns, each of the type given, of a table that `write_csv` wrote.

    A table without a checksum, as one written by hand, is taken as it is. An empty cell is NaN in
    the columns of numbers that may have some, and an error in the others.

    Raises:
        DataError: the file is missing or damaged, lacks a column or all rows, or holds numbers
            that are none; the message ends with the remedy.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
        if _CHECKSUM in text.partition("\n")[0]:
            text = _checked(text)
        table = pd.read_csv(
            io.StringIO(text),
            sep=separator,
            dtype=dict(columns),
            keep_default_na=False,
            na_values={column: [""] for column in may_be_empty},
        )[list(columns)]
    except (OSError, KeyError, ValueError) as error:
        raise DataError(f"{path}: not a table of ssn3d ({error}); {remedy}") from error
    if table.empty:
        raise DataError(f"{path}: holds no rows; {remedy}")
    full = table.drop(columns=list(may_be_empty)).select_dtypes("number")
    if not np.isfinite(full.to_numpy(dtype=float)).all():
        raise DataError(f"{path}: holds NaN or infinity; {remedy}")
    return table


def _checked(text: str) -> str:
    """Take the checksums off. Raises ValueError where one is wrong."""
    parts = [line.rpartition(",") for line in text.splitlines()]
    plain = "".join(f"{row}\n" for row, _, _ in parts)
    if {checksum for _, _, checksum in parts[1:]} - {crc32_of(plain)}:
        raise ValueError("its checksum is wrong")
    return plain
