"""Tables of text: titles, then a row a line. Facts in TSV, and other programs' CSV dialects.

The line of titles shows the separator: commas, semicolons, tabs, bars or spaces. Titles are read
without regard to capitals, spaces around them and trailing separators.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ssn3d.core.errors import DataError
from ssn3d.io.files import PathLike, cannot_be_read
from ssn3d.io.text_files import read_any_text

_SEPARATORS = "\t;,|"
_NAMES = {"\t": "tabs", ";": "semicolons", ",": "commas", "|": "bars", " ": "spaces"}


@dataclass(frozen=True)
class DelimitedTable:
    """Cells of a table, as text without spaces around it."""

    titles: list[str]
    """In lower case; empty if a column has none."""
    rows: list[tuple[int, list[str]]]
    """Line number in the file, from 1, and as many cells as titles."""
    separated_by: str
    """Name of the separator, such as commas, for messages."""


def read_delimited(
    path: PathLike, *, comments: bool = False, may_be_short: bool = False
) -> DelimitedTable:
    """Read a table whose first line of text has the titles.

    Args:
        path: the file, in UTF-8 or UTF-16.
        comments: True if all lines that begin with # are comments; otherwise only those that have
            another number of cells than there are titles.
        may_be_short: True if cells missing at the end of a row are empty, unless spaces separate
            them.

    Raises DataError if the file is missing, is not text, has a title twice, or has a row with more
    or fewer cells than titles.
    """
    lines = read_any_text(path).splitlines(keepends=True)
    first = _line_of_titles(lines)
    if first == len(lines):
        raise DataError(f"{path}: not a readable table: it has no line of titles")
    separator = max(_SEPARATORS, key=lines[first].count)
    if separator not in lines[first]:
        separator = " "
    cells_of_lines = _cells(lines[first:], separator, path)
    titles = _titles(path, cells_of_lines[0][1])
    remedy = "separate columns by tabs or commas" if separator == " " else "correct it"
    rows = []
    for number, cells in cells_of_lines[1:]:
        is_row = len(cells) == len(titles) and not comments
        if not any(cells) or (cells[0].startswith("#") and not is_row):
            continue
        extra, missing = any(cells[len(titles) :]), len(titles) - len(cells)
        if extra or (missing > 0 and (separator == " " or not may_be_short)):
            raise DataError(
                f"{path}: line {first + number} has {len(cells)} cells, but there are "
                f"{len(titles)} titles, separated by {_NAMES[separator]}; {remedy}"
            )
        rows.append((first + number, [*cells, *[""] * missing][: len(titles)]))
    return DelimitedTable(titles, rows, _NAMES[separator])


def _line_of_titles(lines: list[str]) -> int:
    """Return the first line that is not empty, a comment, or a spreadsheet's `sep=`."""
    for i, line in enumerate(lines):
        text = line.strip()
        if text and not text.startswith("#") and not text.lower().startswith("sep="):
            return i
    return len(lines)


def _titles(path: PathLike, cells: list[str]) -> list[str]:
    """Return the titles. Raises DataError if one is there twice."""
    titles = [cell.lower() for cell in cells]
    while titles and not titles[-1]:
        titles.pop()
    refuse_repeated(path, titles)
    return titles


def refuse_repeated(path: PathLike, titles: Sequence[str], remedy: str = "remove one") -> None:
    """Raise DataError if two columns have the same title."""
    for title in titles:
        if title and titles.count(title) > 1:
            raise DataError(f"{path}: column {title} is there twice; {remedy}")


def _cells(lines: list[str], separator: str, path: PathLike) -> list[tuple[int, list[str]]]:
    """Split lines into cells, with the number of each line from 1."""
    if separator == " ":
        return [(i, line.split()) for i, line in enumerate(lines, 1)]
    rows = csv.reader(lines, delimiter=separator, skipinitialspace=True)
    try:
        return [(rows.line_num, [cell.strip() for cell in row]) for row in rows]
    except csv.Error as error:
        raise DataError(f"{path}: line {rows.line_num} is not a row of cells ({error})") from error


def read_tsv(path: PathLike) -> list[tuple[str, dict[str, str]]]:
    """Read a table of facts (.tsv): the place of each line, for messages, and its cells by column.

    Missing cells are empty. Raises DataError if the file is missing, is not text, or has a column
    twice.
    """
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as handle:
            rows = csv.DictReader(handle, delimiter="\t", restval="")
            refuse_repeated(path, rows.fieldnames or [])
            return [(f"{path}: line {rows.line_num}", row) for row in rows]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(cannot_be_read(path, "readable table", error, "correct it")) from error
