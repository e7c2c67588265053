"""Tables as a web page, shown in the HTML report and readable by itself in any browser."""

from collections.abc import Collection, Sequence
from html import escape

import pandas as pd

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


def web_page(
    tables: Sequence[pd.DataFrame], title: str, numbers: Collection[str], notes: Sequence[str] = ()
) -> str:
    """Make a page of a heading, tables and notes; it needs no other file.

    Args:
        tables: all text, one below the other; their columns are the titles.
        title: of the page.
        numbers: the columns to align right.
        notes: paragraphs.
    """
    lines = [
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">',
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>",
        f"<h1>{escape(title)}</h1>",
        *(_table(cells, numbers) for cells in tables),
        *(f"<p>{escape(note)}</p>" for note in notes),
        "</body></html>\n",
    ]
    return "\n".join(lines)


def _table(cells: pd.DataFrame, numbers: Collection[str]) -> str:
    """Make one table, a line for each row."""
    titles = [str(column) for column in cells]
    kinds = [' class="number"' if text in numbers else "" for text in titles]

    def row(tag: str, texts: Sequence[str]) -> str:
        pairs = zip(kinds, texts, strict=True)
        return "<tr>" + "".join(f"<{tag}{k}>{escape(t)}</{tag}>" for k, t in pairs) + "</tr>"

    body = "\n".join(row("td", texts) for texts in cells.to_numpy().tolist())
    return f"<table><thead>{row('th', titles)}</thead><tbody>\n{body}\n</tbody></table>"
