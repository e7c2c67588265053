"""Cells of tables, and tables of cells as Markdown and as web pages.

A web page needs no other file: it is shown in the HTML report, and by itself in any browser.
"""

from collections.abc import Sequence
from html import escape
from typing import Any

import pandas as pd

from ssn3d.io.files import PathLike, write_text

NO_VALUE = "\N{EN DASH}"
TEXT_COLUMNS = {
    "Dataset", "Method", "Name", "Note", "PDB ID", "Particles of", "SHA-256", "Source", "Status",
}  # fmt: skip
"""Titles of the columns that are aligned left; all others hold numbers."""
_STYLE = """
body { font: 13px/1.4 sans-serif; color: #111; margin: 1.5em; }
h1 { font-size: 1.2em; }
table { border-collapse: collapse; border-top: 2px solid; border-bottom: 2px solid; }
table { margin-bottom: 1.5em; }
th { border-bottom: 1px solid; text-align: left; vertical-align: bottom; }
th, td { padding: 0.2em 0.5em; }
tr:nth-child(even) td { background: #f2f2f2; }
td:first-child, td.number { white-space: nowrap; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
p { max-width: 60em; overflow-wrap: anywhere; }
"""


def cell(value: Any, form: str = "") -> str:
    """Format a value by a format specification; a missing value or empty text is a dash."""
    return NO_VALUE if pd.isna(value) or value == "" else f"{value:{form}}"


def pipe_table(cells: pd.DataFrame) -> list[str]:
    """Make the lines of an unaligned Markdown table; only pipes are escaped."""
    lines = [[*cells], ["---"] * len(cells.columns), *cells.to_numpy().tolist()]
    return ["| " + " | ".join(text.replace("|", "\\|") for text in line) + " |" for line in lines]


def web_page(tables: Sequence[pd.DataFrame], title: str, notes: Sequence[str] = ()) -> str:
    """Make an HTML page of a heading, tables of text below each other, and paragraphs of notes."""
    lines = [
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">',
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>",
        f"<h1>{escape(title)}</h1>",
        *map(_html_table, tables),
        *(f"<p>{escape(note)}</p>" for note in notes),
        "</body></html>\n",
    ]
    return "\n".join(lines)


def write_page(
    tables: Sequence[pd.DataFrame], path: PathLike, title: str, notes: Sequence[str] = ()
) -> None:
    """Write `web_page` to a file."""
    write_text(path, web_page(tables, title, notes))


def _html_table(cells: pd.DataFrame) -> str:
    """Make one HTML table, a line for each row."""
    kinds = ["" if title in TEXT_COLUMNS else ' class="number"' for title in cells]

    def row(tag: str, texts: Sequence[str]) -> str:
        pairs = zip(kinds, texts, strict=True)
        return "<tr>" + "".join(f"<{tag}{k}>{escape(t)}</{tag}>" for k, t in pairs) + "</tr>"

    body = "\n".join(row("td", texts) for texts in cells.to_numpy().tolist())
    return f"<table><thead>{row('th', [*cells])}</thead><tbody>\n{body}\n</tbody></table>"
