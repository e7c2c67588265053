"""IDs of the experiment's structures, and superseded entries of the archive."""

import re
from collections.abc import Collection, Sequence
from pathlib import Path

from ssn3d.core.errors import ConfigError
from ssn3d.core.ranges import draw_count
from ssn3d.core.seeds import generator
from ssn3d.io.delimited import read_tsv
from ssn3d.io.files import PathLike, cannot_be_read

PDB_ID = re.compile(r"[0-9][A-Z0-9]{3}")
"""A PDB ID in capitals; safe as part of a path."""

_RANDOM_LETTERS = "RSTUVWXYZ"
MOST_RANDOM = 100 * len(_RANDOM_LETTERS)
"""Random shapes that have an ID."""


def random_ids(count: int) -> list[str]:
    """IDs of random shapes: 0R00 to 0R99, 0S00, ... Entries of the PDB begin with 1 to 9."""
    return [f"0{_RANDOM_LETTERS[i // 100]}{i % 100:02d}" for i in range(count)]


def ids_in_tomogram(
    pdb_ids: Sequence[str],
    per_tomogram: int | list[int] | None,
    reference_id: str,
    seed: int,
    tomogram: str,
    *,
    targets: Collection[str] = (),
) -> list[str]:
    """Draw the structures of a tomogram, in the order of `pdb_ids`.

    `per_tomogram` is their number, or its range; None for all. The structure by which the SNR is
    measured, and targets, are in every tomogram.
    """
    if per_tomogram is None:
        return list(pdb_ids)
    random = generator(seed, "structures", tomogram)
    always = {reference_id, *targets} & set(pdb_ids)  # the reference may be none of them
    others = [pdb_id for pdb_id in pdb_ids if pdb_id not in always]
    count = min(max(draw_count(per_tomogram, random) - len(always), 0), len(others))
    chosen = random.choice(len(others), size=count, replace=False)
    drawn = {*always, *(others[i] for i in chosen)}
    return [pdb_id for pdb_id in pdb_ids if pdb_id in drawn]


def read_pdb_ids(path: PathLike) -> list[str]:
    """Read PDB IDs, one per line, as capitals; `#` starts a comment.

    Raises ConfigError if the file is missing or empty, or a line is not a new PDB ID.
    """
    try:
        content = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        message = cannot_be_read(path, "readable text file", error, "write one PDB ID per line")
        raise ConfigError(message) from error
    first_line: dict[str, int] = {}
    for number, line in enumerate(content.splitlines(), start=1):
        text = line.partition("#")[0].strip()
        pdb_id = text.upper()
        if not text:
            continue
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


def read_superseded(path: PathLike) -> dict[str, str]:
    """Read a table of obsolete entries, `pdb_id`, and their successors, `superseded_by`.

    Raises ConfigError if a line is not two PDB IDs, and DataError if the file is missing.
    """
    successors = {}
    for place, row in read_tsv(path):
        pdb_id, successor = row.get("pdb_id", ""), row.get("superseded_by", "")
        if not (PDB_ID.fullmatch(pdb_id) and PDB_ID.fullmatch(successor)):
            raise ConfigError(f"{place}: must be two PDB IDs separated by a tab")
        successors[pdb_id] = successor
    return successors
