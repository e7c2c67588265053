"""Tables 2 and 3 for readers: plain text, Markdown, LaTeX and HTML, all from the same cells.

A missing value is a dash; a dagger marks results on surrogate structures.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ssn3d.core.provenance import provenance as provenance_of
from ssn3d.io.files import PathLike, read_json, write_json, write_text
from ssn3d.report.provenance_labels import is_surrogate
from ssn3d.report.provenance_labels import surrogates as surrogates_of
from ssn3d.report.tables.cells import NO_VALUE, TEXT_COLUMNS, cell, web_page
from ssn3d.report.tables.notes import DAGGER, notes_below
from ssn3d.report.tables.row_metrics import DONE

_ROW = [
    # title, column of the table, format specification
    ("Method", "method", ""),
    ("PDB ID", "pdb_id", ""),
    ("Dataset", "dataset", ""),
    ("SNR", "snr", "g"),
]
"""Columns that identify a row."""
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
    # column of cells: columns of the table that hold its ends, if there are any
    "interval": ("miou_low", "miou_high"),
    "range": ("miou_lowest_seed", "miou_highest_seed"),
    "independent_interval": ("independent_miou_low", "independent_miou_high"),
    "independent_range": ("independent_miou_lowest_seed", "independent_miou_highest_seed"),
}
_OF_SEEDS = ["seeds", "range", "independent_range"]
_ONLY_IN_JSON = {"settings", "structures"}
_TERMINAL = [
    "Method", "Dataset", "SNR", "PDB ID", "Pixel acc. (%)", "Paper's pixel acc.", "mIoU (%)",
    "95% interval", "Paper's mIoU", "Difference", "Independent mIoU (%)", "Status",
]  # fmt: skip
_Escapes = dict[int, str]
_LATEX: _Escapes = str.maketrans({
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
    "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    NO_VALUE: "--", DAGGER: r"$^\dagger$",
})  # fmt: skip
_MARKDOWN: _Escapes = str.maketrans({special: "\\" + special for special in "\\`*_|<>[]"})


def to_text(table: pd.DataFrame, surrogates: Sequence[str] = ()) -> str:
    """Make a short table for the terminal, ours beside the paper's; surrogates are bead models."""
    cells, _ = _cells(table, surrogates)
    lines = _aligned(cells[[title for title in _TERMINAL if title in cells]], {})
    return "\n".join(["  ".join(line).rstrip() for line in lines] + notes_below(table, surrogates))


def to_markdown(
    table: pd.DataFrame, title: str, provenance: Mapping[str, Any], surrogates: Sequence[str] = ()
) -> str:
    """Make two aligned Markdown tables, scores and details, with notes and provenance."""
    lines = []
    for cells in _cells(table, surrogates):
        header, *body = _aligned(cells, _MARKDOWN)
        rule = [
            "-" * (len(text) - 1) + ("-" if title in TEXT_COLUMNS else ":")
            for title, text in zip(cells, header, strict=True)
        ]
        lines += ["| " + " | ".join(line) + " |" for line in (header, rule, *body)] + [""]
    notes = [f"{note.translate(_MARKDOWN)}\n" for note in notes_below(table, surrogates)]
    footer = f"Provenance: {provenance_line(provenance).translate(_MARKDOWN)}"
    return "\n".join([f"**{title.translate(_MARKDOWN)}**", "", *lines, *notes, footer, ""])


def to_latex(
    table: pd.DataFrame, title: str, provenance: Mapping[str, Any], surrogates: Sequence[str] = ()
) -> str:
    r"""Make two LaTeX tables as wide as the text, with notes; their provenance is a comment.

    They need the packages booktabs and graphicx, and are best set on a landscape page.
    """
    lines = [f"% Provenance: {provenance_line(provenance)}", r"\begin{table}", r"\centering"]
    lines.append(rf"\caption{{{title.translate(_LATEX)}}}")
    for cells in _cells(table, surrogates):
        columns = "".join("l" if name in TEXT_COLUMNS else "r" for name in cells)
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
    notes = [rf"\par {note.translate(_LATEX)}" for note in notes_below(table, surrogates)]
    return "\n".join([*lines, r"\raggedright\footnotesize", *notes, r"\end{table}", ""])


def to_html(
    table: pd.DataFrame, title: str, provenance: Mapping[str, Any], surrogates: Sequence[str] = ()
) -> str:
    """Make a web page of two tables, scores and details, with notes and provenance."""
    notes = [*notes_below(table, surrogates), f"Provenance: {provenance_line(provenance)}"]
    return web_page(_cells(table, surrogates), title, notes)


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
        write_text(path.with_suffix(suffix), text)


def write_tables(
    made: tuple[pd.DataFrame, pd.DataFrame],
    structures: PathLike,
    pdb_ids: Sequence[str],
    folder: PathLike,
    *,
    seed: int,
    settings: dict[str, Any],
) -> None:
    """Write Tables 2 and 3 to a folder, in all formats.

    `structures` is the folder of their files; `settings` are the sections that decide the results.
    """
    sources = {i: read_json(Path(structures) / f"{i}.json") for i in pdb_ids}
    provenance = provenance_of(seed=seed, settings=settings, structures=sources)
    beads = surrogates_of(structures, pdb_ids)
    titles = ("Table 2. Segmentation performance", "Table 3. Structures left out of the training")
    for number, title, table in zip((2, 3), titles, made, strict=True):
        write_table(table, Path(folder) / f"table{number}.csv", title, provenance, beads)


def provenance_line(provenance: Mapping[str, Any]) -> str:
    """Format provenance as one line, without the long values that only the .json file has."""
    values = {
        key: value if isinstance(value, str) else json.dumps(value, sort_keys=True)
        for key, value in provenance.items()
        if key not in _ONLY_IN_JSON
    }
    return "; ".join(f"{key} {value}" for key, value in values.items()).replace("\n", " ")


def _cells(table: pd.DataFrame, surrogates: Sequence[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Format the values to show, by title, as two tables: scores and details."""
    shown = table.copy()
    for column, ends in _RANGES.items():
        if set(ends) <= set(table):
            shown[column] = [
                NO_VALUE if pd.isna(low) else f"{low:.2f} to {high:.2f}"
                for low, high in table[[*ends]].itertuples(index=False)
            ]
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
                title: [cell(value, form) for value in shown[column]]
                for title, column, form in [*_ROW, *columns]
                if column in shown
            }
        )
        for columns in (_SCORES, _DETAILS)
    )
    for cells in (scores, details):
        cells[cells.columns[0]] += [DAGGER * mark for mark in marked]
    return scores, details


def _aligned(cells: pd.DataFrame, escapes: _Escapes) -> list[list[str]]:
    """Escape titles and cells and pad them to the width of their column; one list per line."""
    columns = []
    for title in cells:
        texts = [text.translate(escapes) for text in [title, *cells[title]]]
        width = max(map(len, texts))
        pad = str.ljust if title in TEXT_COLUMNS else str.rjust
        columns.append([pad(text, width) for text in texts])
    return [list(line) for line in zip(*columns, strict=True)]
