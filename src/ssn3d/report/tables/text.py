"""Tables for readers: as plain text, Markdown, LaTeX and HTML, all from the same cells.

A missing number is a dash. A dagger marks results on surrogate structures; `table_notes` has what
stands below the table.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ssn3d.io.files import PathLike, atomic_path, write_json
from ssn3d.report.provenance_labels import is_surrogate
from ssn3d.report.tables.notes import DAGGER, notes_below
from ssn3d.report.tables.row_metrics import DONE
from ssn3d.report.web_page import web_page

_DASH = "\N{EN DASH}"
_ROW = [
    # title, column of the table, format of its numbers ("" for text)
    ("Method", "method", ""),
    ("PDB ID", "pdb_id", ""),
    ("Dataset", "dataset", ""),
    ("SNR", "snr", "g"),
]
"""What a row is of."""
_SCORES = [
    ("Name", "name", ""),
    ("Seeds", "seeds", "d"),
    ("Pixel acc. (%)", "pixel_accuracy", ".2f"),
    ("Paper's pixel acc.", "paper_pixel_accuracy", ".2f"),
    ("mIoU (%)", "miou", ".2f"),
    ("95% interval", "interval", ""),
    ("Range of seeds", "range", ""),
    ("Paper's mIoU", "paper_miou", ".2f"),
    ("Difference", "difference_miou", "+.2f"),
    ("Independent pixel acc. (%)", "independent_pixel_accuracy", ".2f"),
    ("Independent mIoU (%)", "independent_miou", ".2f"),
    ("Independent 95% interval", "independent_interval", ""),
    ("Independent range of seeds", "independent_range", ""),
    ("ROI's IoU (%)", "iou_foreground", ".2f"),
    ("Paper's ROI IoU", "paper_iou_foreground", ".2f"),
    ("Status", "status", ""),
]
_DETAILS = [
    ("Pooled mIoU (%)", "pooled_miou", ".2f"),
    ("Errors per surface voxel", "errors_per_surface_voxel", ".3f"),
    ("Highest possible mIoU (%)", "ceiling_miou", ".2f"),
    ("Highest possible pixel acc. (%)", "ceiling_pixel_accuracy", ".2f"),
    ("mIoU at that pixel acc. (%)", "accurate_miou", ".2f"),
    ("Mask voxels", "mask_voxels", ",.0f"),
    ("Mask implied by the paper's scores", "paper_mask_voxels", ",.0f"),
    ("Test set", "test_subtomograms", ",d"),
    ("Independent set", "independent_subtomograms", ",d"),
    ("Capacity", "capacity", ",d"),
    ("Epochs", "epochs", ".4g"),
    ("Training (min)", "training_minutes", ",.1f"),
    ("Source", "source", ""),
]
_RANGES = {
    # column that is shown: its ends in the table, where the table has them
    "interval": ("miou_low", "miou_high"),
    "range": ("miou_lowest_seed", "miou_highest_seed"),
    "independent_interval": ("independent_miou_low", "independent_miou_high"),
    "independent_range": ("independent_miou_lowest_seed", "independent_miou_highest_seed"),
}
_OF_SEEDS = ["seeds", "range", "independent_range"]
_ONLY_IN_JSON = {"settings", "structures"}
_RIGHT = {
    title for title, column, form in [*_ROW, *_SCORES, *_DETAILS] if form or column in _RANGES
}
_LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
    "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    _DASH: "--", DAGGER: r"$^\dagger$",
}  # fmt: skip
_MARKDOWN = {character: "\\" + character for character in "\\`*_|<>[]"}


def to_text(table: pd.DataFrame, surrogates: Sequence[str] = ()) -> str:
    """Make a short table for the terminal, ours beside the paper's.

    Args:
        table: of `tables.table2` or `tables.table3`.
        surrogates: structures of the experiment that are bead models.
    """
    cells, _ = _cells(table, surrogates)
    keep = ["Method", "Dataset", "SNR", "PDB ID", "Pixel acc. (%)", "Paper's pixel acc."]
    keep += ["mIoU (%)", "95% interval", "Paper's mIoU", "Difference", "Independent mIoU (%)"]
    lines = _aligned(cells[[column for column in [*keep, "Status"] if column in cells]], {})
    return "\n".join(["  ".join(line).rstrip() for line in lines] + notes_below(table, surrogates))


def to_markdown(
    table: pd.DataFrame,
    title: str,
    provenance: Mapping[str, Any],
    surrogates: Sequence[str] = (),
) -> str:
    """Make two aligned Markdown tables, scores and details, with notes and provenance."""
    lines = []
    for cells in _cells(table, surrogates):
        header, *body = _aligned(cells, _MARKDOWN)
        rule = [
            "-" * (len(cell) - 1) + (":" if title in _RIGHT else "-")
            for title, cell in zip(cells, header, strict=True)
        ]
        lines += ["| " + " | ".join(line) + " |" for line in (header, rule, *body)] + [""]
    notes = [f"{_escape(note, _MARKDOWN)}\n" for note in notes_below(table, surrogates)]
    footer = f"Provenance: {_escape(provenance_line(provenance), _MARKDOWN)}"
    return "\n".join([f"**{_escape(title, _MARKDOWN)}**", "", *lines, *notes, footer, ""])


def to_latex(
    table: pd.DataFrame,
    title: str,
    provenance: Mapping[str, Any],
    surrogates: Sequence[str] = (),
) -> str:
    r"""Make two LaTeX tables as wide as the text, with notes; their provenance is a comment.

    They need the packages booktabs and graphicx, and are best set on a landscape page.
    """
    lines = [f"% Provenance: {provenance_line(provenance)}", r"\begin{table}", r"\centering"]
    lines.append(rf"\caption{{{_escape(title, _LATEX)}}}")
    for cells in _cells(table, surrogates):
        columns = "".join("r" if name in _RIGHT else "l" for name in cells)
        header, *body = [" & ".join(line) + r" \\" for line in _aligned(cells, _LATEX)]
        lines += [
            r"\resizebox{\textwidth}{!}{%",
            rf"\begin{{tabular}}{{{columns}}}",
            r"\toprule",
            header,
            r"\midrule",
            *body,
            r"\bottomrule",
            r"\end{tabular}}\par\medskip",
        ]
    notes = [rf"\par {_escape(note, _LATEX)}" for note in notes_below(table, surrogates)]
    return "\n".join([*lines, r"\raggedright\footnotesize", *notes, r"\end{table}", ""])


def to_html(
    table: pd.DataFrame,
    title: str,
    provenance: Mapping[str, Any],
    surrogates: Sequence[str] = (),
) -> str:
    """Make a web page of two tables, scores and details, with notes and provenance."""
    notes = [*notes_below(table, surrogates), f"Provenance: {provenance_line(provenance)}"]
    return web_page(_cells(table, surrogates), title, _RIGHT, notes)


def write_table(
    table: pd.DataFrame,
    path_csv: PathLike,
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


def pipe_table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Make the lines of a Markdown table of text as it is."""
    lines = [titles, ["---"] * len(titles), *rows]
    return ["| " + " | ".join(text.replace("|", "\\|") for text in line) + " |" for line in lines]


def provenance_line(provenance: Mapping[str, Any]) -> str:
    """Put provenance on one line, nested values as JSON; long values are only in the .json."""
    values = {
        key: value if isinstance(value, str) else json.dumps(value, sort_keys=True)
        for key, value in provenance.items()
        if key not in _ONLY_IN_JSON
    }
    return "; ".join(f"{key} {value}" for key, value in values.items()).replace("\n", " ")


def _cells(table: pd.DataFrame, surrogates: Sequence[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Turn every value that is shown into text, under its title: scores and details of rows."""
    shown = table.copy()
    for column, ends in _RANGES.items():
        if set(ends) <= set(table):
            shown[column] = [_range(*pair) for pair in table[[*ends]].itertuples(index=False)]
    if (table["status"] == DONE).all():
        shown = shown.drop(columns="status")  # the same in every row
    if not (table["seeds"] > 1).any():
        shown = shown.drop(columns=_OF_SEEDS, errors="ignore")
    if "source" in table:
        marked = [is_surrogate(source) for source in table["source"]]
    else:
        marked = [bool(surrogates) and status == DONE for status in table["status"]]
    scores, details = (
        pd.DataFrame(
            {
                title: [_cell(value, form) for value in shown[column]]
                for title, column, form in [*_ROW, *columns]
                if column in shown
            }
        )
        for columns in (_SCORES, _DETAILS)
    )
    for cells in (scores, details):
        first = cells.columns[0]
        both = zip(cells[first], marked, strict=True)
        cells[first] = [text + DAGGER * mark for text, mark in both]
    return scores, details


def _range(low: float, high: float) -> str:
    """Format the two ends of a range; a dash where there is none."""
    return _DASH if pd.isna(low) else f"{low:.2f} to {high:.2f}"


def _cell(value: Any, form: str) -> str:
    """Format one value; a dash where there is none."""
    if pd.isna(value) or value == "":
        return _DASH
    return f"{value:{form}}"


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
