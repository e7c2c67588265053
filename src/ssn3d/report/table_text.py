"""Tables for readers: as plain text, Markdown, LaTeX and HTML, all from the same cells.

A missing number is a dash. A dagger marks results on surrogate structures. Notes below the table
name the surrogates and count missing rows, so that no table looks better than it is.
"""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ssn3d.files import atomic_path, write_json
from ssn3d.report.source_words import is_surrogate
from ssn3d.report.tables import DONE
from ssn3d.report.web_page import web_page

_DASH = "\N{EN DASH}"
_DAGGER = "†"
_COLUMNS = [
    # title, column of the table, format of its numbers ("" for text)
    ("Method", "method", ""),
    ("PDB ID", "pdb_id", ""),
    ("Name", "name", ""),
    ("Dataset", "dataset", ""),
    ("SNR", "snr", "g"),
    ("Pixel acc. (%)", "pixel_accuracy", ".2f"),
    ("Paper's acc.", "paper_pixel_accuracy", ".2f"),
    ("mIoU (%)", "miou", ".2f"),
    ("95% interval", "interval", ""),
    ("Paper's mIoU", "paper_miou", ".2f"),
    ("Difference", "difference_miou", "+.2f"),
    ("ROI's IoU (%)", "iou_foreground", ".2f"),
    ("Paper's ROI IoU", "paper_iou_foreground", ".2f"),
    ("Pooled mIoU (%)", "pooled_miou", ".2f"),
    ("Ceiling mIoU (%)", "ceiling_miou", ".2f"),
    ("Capacity", "capacity", ",.0f"),
    ("Test set", "test_subtomograms", ",.0f"),
    ("Epochs", "epochs", ",.0f"),
    ("Training (min)", "training_minutes", ".1f"),
    ("Mask voxels", "mask_voxels", ",.0f"),
    ("Paper's mask", "paper_mask_voxels", ",.0f"),
    ("Source", "source", ""),
    ("Status", "status", ""),
]
_ONLY_IN_JSON = {"settings", "structures"}
_RIGHT = {title for title, _, form in _COLUMNS if form} | {"95% interval"}
_LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
    "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    _DASH: "--", _DAGGER: r"$^\dagger$",
}  # fmt: skip
_MARKDOWN = {character: "\\" + character for character in "\\`*_|<>[]"}


def to_text(table: pd.DataFrame, surrogates: Sequence[str] = ()) -> str:
    """Make a short table for the terminal, ours beside the paper's.

    Args:
        table: of `tables.table2` or `tables.table3`.
        surrogates: structures of the experiment that are bead models.
    """
    cells = _cells(table, surrogates)
    keep = ["Method", "Dataset", "SNR", "PDB ID", "Pixel acc. (%)", "Paper's acc.", "mIoU (%)"]
    keep += ["95% interval", "Paper's mIoU", "Difference", "Status"]
    lines = _aligned(cells[[column for column in keep if column in cells]], {})
    return "\n".join(["  ".join(line).rstrip() for line in lines] + _notes(table, surrogates))


def to_markdown(
    table: pd.DataFrame,
    title: str,
    provenance: Mapping[str, Any],
    surrogates: Sequence[str] = (),
) -> str:
    """Make an aligned Markdown table with notes and a line of provenance."""
    cells = _cells(table, surrogates)
    header, *body = _aligned(cells, _MARKDOWN)
    rule = [
        "-" * (len(cell) - 1) + (":" if title in _RIGHT else "-")
        for title, cell in zip(cells, header, strict=True)
    ]
    lines = ["| " + " | ".join(line) + " |" for line in (header, rule, *body)]
    notes = [f"{_escape(note, _MARKDOWN)}\n" for note in _notes(table, surrogates)]
    footer = f"Provenance: {_escape(provenance_line(provenance), _MARKDOWN)}"
    return "\n".join([f"**{_escape(title, _MARKDOWN)}**", "", *lines, "", *notes, footer, ""])


def to_latex(
    table: pd.DataFrame,
    title: str,
    provenance: Mapping[str, Any],
    surrogates: Sequence[str] = (),
) -> str:
    r"""Make a LaTeX table as wide as the text, with notes; its provenance is a comment.

    It needs the packages booktabs and graphicx, and is best set on a landscape page.
    """
    cells = _cells(table, surrogates)
    columns = "".join("r" if title in _RIGHT else "l" for title in cells)
    header, *body = [" & ".join(line) + r" \\" for line in _aligned(cells, _LATEX)]
    notes = [rf"\par {_escape(note, _LATEX)}" for note in _notes(table, surrogates)]
    return "\n".join(
        [
            f"% Provenance: {provenance_line(provenance)}",
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{_escape(title, _LATEX)}}}",
            r"\resizebox{\textwidth}{!}{%",
            rf"\begin{{tabular}}{{{columns}}}",
            r"\toprule",
            header,
            r"\midrule",
            *body,
            r"\bottomrule",
            r"\end{tabular}}",
            *notes,
            r"\end{table}",
            "",
        ]
    )


def to_html(
    table: pd.DataFrame,
    title: str,
    provenance: Mapping[str, Any],
    surrogates: Sequence[str] = (),
) -> str:
    """Make a web page of the table with notes and a paragraph of provenance."""
    notes = [*_notes(table, surrogates), f"Provenance: {provenance_line(provenance)}"]
    return web_page(_cells(table, surrogates), title, _RIGHT, notes)


def write_table(
    table: pd.DataFrame,
    path_csv: str | os.PathLike[str],
    title: str,
    provenance: Mapping[str, Any],
    surrogates: Sequence[str] = (),
) -> None:
    """Write a table as .csv, .md, .tex and .html, and its provenance as .json, side by side."""
    path = Path(path_csv)
    write_json(path.with_suffix(".json"), {**provenance, "surrogates": list(surrogates)})
    texts = {
        ".csv": table.to_csv(index=False, float_format="%.6g"),
        ".md": to_markdown(table, title, provenance, surrogates),
        ".tex": to_latex(table, title, provenance, surrogates),
        ".html": to_html(table, title, provenance, surrogates),
    }
    for suffix, text in texts.items():
        with atomic_path(path.with_suffix(suffix)) as partial:
            partial.write_text(text, encoding="utf-8")


def provenance_line(provenance: Mapping[str, Any]) -> str:
    """Put provenance on one line, nested values as JSON; long values are only in the .json."""
    values = {
        key: value if isinstance(value, str) else json.dumps(value, sort_keys=True)
        for key, value in provenance.items()
        if key not in _ONLY_IN_JSON
    }
    return "; ".join(f"{key} {value}" for key, value in values.items()).replace("\n", " ")


def _cells(table: pd.DataFrame, surrogates: Sequence[str]) -> pd.DataFrame:
    """Turn every value that is shown into text, under the title of its column."""
    shown = table.copy()
    limits = zip(table["miou_low"], table["miou_high"], strict=True)
    shown["interval"] = [
        _DASH if pd.isna(low) else f"{low:.2f} to {high:.2f}" for low, high in limits
    ]
    cells = pd.DataFrame(index=table.index)
    for title, column, form in _COLUMNS:
        if column in shown:
            cells[title] = [_cell(value, form) for value in shown[column]]
    if (table["status"] == DONE).all():
        cells = cells.drop(columns="Status")  # the same in every row
    first = cells.columns[0]
    if "source" in table:
        marked = [is_surrogate(source) for source in table["source"]]
    else:
        marked = [bool(surrogates) and status == DONE for status in table["status"]]
    cells[first] = [text + _DAGGER * mark for text, mark in zip(cells[first], marked, strict=True)]
    return cells


def _cell(value: Any, form: str) -> str:
    """Format one value; a dash where there is none."""
    if pd.isna(value) or value == "":
        return _DASH
    return f"{value:{form}}"


def _notes(table: pd.DataFrame, surrogates: Sequence[str]) -> list[str]:
    """Say what a reader could overlook: the meaning of the interval, surrogates, missing rows."""
    interval = "95% interval: bootstrap over the test subtomograms of one simulation."
    notes = [f"Difference: our mIoU minus the paper's. {interval}"]
    if "source" in table:
        surrogates = [str(i) for i in table["pdb_id"][table["source"].map(is_surrogate)]]
    if surrogates:
        notes.append(
            f"{_DAGGER} Surrogates: bead models in place of deposited coordinates, for "
            f"{', '.join(surrogates)}."
        )
    incomplete = int((table["status"] != DONE).sum())
    if incomplete:
        notes.append(f"Incomplete: {incomplete} of {len(table)} rows have no result; see Status.")
    return notes


def _aligned(cells: pd.DataFrame, escapes: Mapping[str, str]) -> list[list[str]]:
    """Escape titles and cells and pad them to the width of their column; one list per line."""
    columns = []
    for title in cells:
        texts = [_escape(text, escapes) for text in [str(title), *cells[title]]]
        width = max(len(text) for text in texts)
        pad = str.rjust if title in _RIGHT else str.ljust
        columns.append([pad(text, width) for text in texts])
    return [list(line) for line in zip(*columns, strict=True)]


def _escape(text: str, escapes: Mapping[str, str]) -> str:
    """Escape the characters that are special in Markdown or LaTeX."""
    return "".join(escapes.get(character, character) for character in text)
