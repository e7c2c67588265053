"""PDB IDs: which are asked for, and which of them the archive has superseded."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from ssn3d.errors import ConfigError

PDB_ID = re.compile(r"[0-9][A-Z0-9]{3}")
"""A PDB ID in capitals; it holds nothing that could lead out of a folder."""


def read_pdb_ids(path: str | os.PathLike[str]) -> list[str]:
    """Read PDB IDs, one a line, in capitals; `#` starts a comment.

    Raises ConfigError where the file is missing or empty, a line is no PDB ID, or one stands twice.
    """
    first_line: dict[str, int] = {}
    for number, text in _lines(path):
        pdb_id = text.upper()
        if not PDB_ID.fullmatch(pdb_id):
            raise ConfigError(
                f"{path}: line {number}: {text!r} is not a PDB ID (a digit, then three letters or "
                "digits), one a line"
            )
        if pdb_id in first_line:
            raise ConfigError(
                f"{path}: line {number}: {pdb_id} stands in line {first_line[pdb_id]} already"
            )
        first_line[pdb_id] = number
    if not first_line:
        raise ConfigError(f"{path}: holds no PDB ID; write one a line")
    return list(first_line)


def read_superseded(path: str | os.PathLike[str]) -> dict[str, str]:
    """Read a table of two columns, `pdb_id` and `superseded_by`: obsolete entries and successors.

    Raises ConfigError where the file is missing, or a line is not two PDB IDs.
    """
    rows = [(number, text.upper().split("\t")) for number, text in _lines(path)]
    for number, row in rows[1:]:
        if len(row) != 2 or not all(map(PDB_ID.fullmatch, row)):  # noqa: PLR2004 -- two columns
            raise ConfigError(f"{path}: line {number}: not two PDB IDs with a tab between them")
    return dict(row for _, row in rows[1:])


def _lines(path: str | os.PathLike[str]) -> Iterator[tuple[int, str]]:
    """Yield number and text of the lines of a file that hold more than a comment."""
    try:
        content = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not a readable text file ({error})") from error
    for number, line in enumerate(content.splitlines(), start=1):
        text = line.partition("#")[0].strip()
        if text:
            yield number, text
