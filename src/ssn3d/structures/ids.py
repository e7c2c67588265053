"""PDB IDs: those of the experiment, and those that the archive has superseded."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from ssn3d.errors import ConfigError

PDB_ID = re.compile(r"[0-9][A-Z0-9]{3}")
"""A PDB ID in capitals; safe as part of a path."""


def read_pdb_ids(path: str | os.PathLike[str]) -> list[str]:
    """Read PDB IDs, one per line, and give them in capitals; `#` starts a comment.

    Raises ConfigError if the file is missing or empty, or a line is not a new PDB ID.
    """
    first_line: dict[str, int] = {}
    for number, text in _lines(path):
        pdb_id = text.upper()
        if not PDB_ID.fullmatch(pdb_id):
            raise ConfigError(
                f"{path}: line {number}: {text!r} is not a valid PDB ID (a digit, then three "
                "letters or digits); write one per line"
            )
        if pdb_id in first_line:
            raise ConfigError(
                f"{path}: line {number}: {pdb_id} repeats line {first_line[pdb_id]}; delete one"
            )
        first_line[pdb_id] = number
    if not first_line:
        raise ConfigError(f"{path}: contains no PDB ID; write one per line")
    return list(first_line)


def read_superseded(path: str | os.PathLike[str]) -> dict[str, str]:
    """Read a table of obsolete entries, `pdb_id`, and their successors, `superseded_by`.

    Raises ConfigError if the file is missing, or a line is not two PDB IDs.
    """
    rows = [(number, text.upper().split("\t")) for number, text in _lines(path)]
    for number, row in rows[1:]:
        if len(row) != 2 or not all(map(PDB_ID.fullmatch, row)):  # noqa: PLR2004 -- two columns
            raise ConfigError(f"{path}: line {number}: must be two PDB IDs separated by a tab")
    return dict(row for _, row in rows[1:])


def _lines(path: str | os.PathLike[str]) -> Iterator[tuple[int, str]]:
    """Yield number and text of each line that is more than a comment."""
    try:
        content = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not a readable text file ({error})") from error
    for number, line in enumerate(content.splitlines(), start=1):
        text = line.partition("#")[0].strip()
        if text:
            yield number, text
