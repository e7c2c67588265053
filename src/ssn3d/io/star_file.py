"""STAR files: blocks of named columns, read as text and written so that they are read again.

The grammar is that of RELION: a loop has one row a line, its values separated by spaces or tabs.
A value with spaces, or one that could be taken for a title or a comment, is in quotes, which end
where a space follows (Hall 1991, J. Chem. Inf. Comput. Sci. 31, 326).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ssn3d.core.errors import DataError
from ssn3d.io.files import PathLike, atomic_path
from ssn3d.io.text_files import read_any_text

_PLAIN = re.compile(r"[A-Za-z0-9.+-][A-Za-z0-9_.+@/:-]*")
_KEYWORD = re.compile(r"data_|loop_|save_|stop_|global_", re.IGNORECASE)
_VALUES = re.compile(
    r"""[ \t]*(?:
        "(?P<double>(?:[^"]|"(?![ \t]|$))*)"(?=[ \t]|$)
      | '(?P<single>(?:[^']|'(?![ \t]|$))*)'(?=[ \t]|$)
      | (?P<comment>\#.*)
      | (?P<plain>[^ \t]+)
    )""",
    re.VERBOSE,
)
_LOOP = "loop_"
_TITLE_AND_NUMBER = 2


@dataclass
class _Block:
    """A block that is being read."""

    is_loop: bool = False
    titles: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)


def read_star_blocks(path: PathLike) -> dict[str, pd.DataFrame]:
    """Read all blocks of a STAR file by name, as tables of text.

    A loop after pairs or another loop is a block of its own, NAME (2) and so on.

    Raises DataError, which names the line, if the file is missing or damaged, or has no block.
    """
    blocks: dict[str, _Block] = {}
    block, name, parts = None, "", 1
    for number, line in enumerate(read_any_text(path).split("\n"), 1):
        text = line.strip(" \t")
        if not text or text.startswith("#"):
            continue
        values = _values(text)
        # a row may begin with a name like data_01, which other programs do not quote
        if text.startswith("data_") and len(values) == 1:
            name = values[0].removeprefix("data_")
            if name in blocks:
                raise DataError(
                    f"{path}: line {number}: block data_{name} is there twice; rename one"
                )
            block, parts = _Block(), 1
            blocks[name] = block
        elif block is not None:
            if block.titles and _begins_loop(text, values):
                parts += 1
                block = blocks[f"{name} ({parts})"] = _Block()
            _add_line(block, text, values, f"{path}: line {number}")
    if not blocks:
        raise DataError(f"{path}: not a readable STAR file: it has no data_ block")
    return {
        name: pd.DataFrame(block.rows, columns=block.titles, dtype=object)
        for name, block in blocks.items()
    }


def _begins_loop(text: str, values: list[str]) -> bool:
    return text.lower().startswith(_LOOP) and values[0].lower() == _LOOP and len(values) == 1


def _add_line(block: _Block, text: str, values: list[str], place: str) -> None:
    """Add a line to its block. Raises DataError if it does not fit."""
    is_row = block.is_loop and bool(block.rows)
    if _begins_loop(text, values):
        block.is_loop = True
    elif text.startswith("_") and len(values) <= _TITLE_AND_NUMBER and not is_row:
        title = values[0].removeprefix("_")
        if title in block.titles:
            raise DataError(f"{place}: column {title} is there twice; remove one")
        block.titles.append(title)
        if not block.is_loop:
            if len(values) < _TITLE_AND_NUMBER:
                raise DataError(f"{place}: {title} has no value; correct it")
            block.rows = [[*(block.rows or [[]])[0], values[1]]]
    elif not block.is_loop:
        raise DataError(f"{place}: not a readable STAR file: values outside of a loop")
    elif len(values) != len(block.titles):
        raise DataError(f"{place} has {len(values)} of {len(block.titles)} columns; correct it")
    else:
        block.rows.append(values)


def _values(text: str) -> list[str]:
    """Split a line into values, without its comment."""
    if text.isascii() and not {'"', "'", "#"} & set(text):
        return text.split()
    found = []
    for match in _VALUES.finditer(text):
        if match["comment"]:
            break
        found.append(match[match.lastgroup or "plain"])
    return found


def star_numbers(table: pd.DataFrame, columns: Sequence[str]) -> NDArray[np.float64]:
    """Read columns as numbers (n, columns), <NA> as NaN. Raises ValueError for other text."""
    return table[list(columns)].replace("<NA>", "nan").to_numpy(dtype=np.float64)


def fits_star(text: str) -> bool:
    """Return True if a STAR file, and so any particle table, can hold a text."""
    return text.isprintable() and text == text.strip() and not ('"' in text and "'" in text)


def write_blocks(path: PathLike, blocks: Mapping[str, pd.DataFrame]) -> None:
    """Write blocks as loops; equal contents give equal bytes.

    Raises:
        DataError: a text cannot be written, such as one with a line break.
        WriteError: the file cannot be written.
    """
    lines = []
    for name, table in blocks.items():
        lines += [f"data_{name}", "", "loop_"]
        lines += [f"_{title} #{i}" for i, title in enumerate(table.columns, 1)]
        columns = [[_written(path, value) for value in table[title]] for title in table.columns]
        lines += ["\t".join(row) for row in zip(*columns, strict=True)]
        lines += ["", ""]
    with atomic_path(path) as partial:
        partial.write_text("\n".join([*lines, ""]), encoding="utf-8", newline="\n")


def _written(path: PathLike, value: object) -> str:
    """Return a value as it is written; text in quotes if needed."""
    if isinstance(value, float | np.floating):
        return f"{value:.6f}"
    text = str(value)
    if _PLAIN.fullmatch(text) and not _KEYWORD.match(text):
        return text
    if not fits_star(text):
        raise DataError(f"{path}: {text!r} cannot be written to a STAR file; rename it")
    quote = "'" if '"' in text else '"'
    return f"{quote}{text}{quote}"
