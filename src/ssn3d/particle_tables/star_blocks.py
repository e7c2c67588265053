"""Reading STAR files of other programs, whose blocks have other names and other columns."""

import linecache
from pathlib import Path

import pandas as pd
import starfile

from ssn3d.errors import DataError
from ssn3d.files import PathLike

_TEXTS = ["rlnTomoName", "rlnMicrographName", "rlnOpticsGroupName", "ssn3dPdbId"]


def read_blocks(path: PathLike) -> dict[str, pd.DataFrame]:
    """Read all blocks of a STAR file as tables, by name.

    Raises DataError where the file is missing or damaged, or has no block.
    """
    try:
        linecache.clearcache()  # starfile leaves the lines of a file that it failed to read
        blocks = starfile.read(Path(path), always_dict=True, parse_as_string=_TEXTS)
        tables = {
            name: block if isinstance(block, pd.DataFrame) else pd.DataFrame([block])
            for name, block in blocks.items()
        }
    except Exception as error:  # starfile and pandas fail in many ways
        raise DataError(f"{path}: not a readable STAR file ({error}); make it again") from error
    if not tables:
        raise DataError(f"{path}: a STAR file without data; make it again")
    return tables


def first_block(path: PathLike, name: str) -> pd.DataFrame:
    """Read the block of this name, or the first where there is none."""
    blocks = read_blocks(path)
    return blocks.get(name, next(iter(blocks.values())))
