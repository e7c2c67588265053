"""Scores: IoU by structure, SNR and mask size, and our Table 3 against the paper's."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy import stats

from ssn3d.io.files import PathLike
from ssn3d.report.figures.labels import name_points, name_ticks, plain_log_ticks
from ssn3d.report.figures.style import GREY, SERIES, new_figure, save, styled
from ssn3d.report.provenance_labels import is_surrogate
from ssn3d.report.read_runs import mask_voxels, read_per_subtomogram
from ssn3d.report.tables.tables import read_table

_PERCENT = (-2, 102)  # so that marks at 0 and 100 are not cut off


def draw_scores(
    tables_by_title: Mapping[str, PathLike],
    table3_csv: PathLike,
    *,
    per_class: PathLike,
    against_size: PathLike,
    against_paper: PathLike,
) -> None:
    """Draw IoU by structure and SNR, IoU by mask size, and our Table 3 against the paper's."""
    tables = {title: read_per_subtomogram(path) for title, path in tables_by_title.items()}
    save(iou_per_class(tables), per_class)
    title, table = next(iter(tables.items()))
    save(iou_against_mask_size(table, title), against_size)
    save(table3_against_paper(read_table(table3_csv)), against_paper)


@styled
def iou_per_class(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw the IoU of the region of interest of each structure, at each SNR.

    Points are means over the test subtomograms, bars span the quartiles; structures are sorted by
    mask size. `tables` are per_subtomogram.csv by title, such as "A, SNR 0.5".
    """
    every = pd.concat(tables.values())
    order = mask_voxels(every).groupby(every["pdb_id"]).mean().sort_values().index
    figure = new_figure(3.0)
    axes = figure.subplots()
    places = np.arange(len(order))
    for index, (title, table) in enumerate(tables.items()):
        look = SERIES[index % len(SERIES)]
        groups = table.groupby("pdb_id")["iou_foreground"]
        mean = groups.mean().reindex(order)
        first, third = (groups.quantile(q).reindex(order) for q in (0.25, 0.75))
        shifted = places + 0.22 * (index - (len(tables) - 1) / 2)
        axes.vlines(shifted, first, third, color=look.color, linewidth=0.8)
        axes.plot(
            shifted, mean, color=look.color, marker=look.marker, linestyle="none", label=title
        )
    name_ticks(axes, list(order))
    axes.set(ylabel="IoU of the region of interest (%)", ylim=_PERCENT)
    axes.set_xlabel("structure, smallest to largest mask")
    axes.grid(axis="y", linewidth=0.3)
    figure.legend(loc="outside upper center", ncols=len(tables))
    return figure


@styled
def iou_against_mask_size(table: pd.DataFrame, title: str) -> Figure:
    """Draw the IoU of the region of interest against the size of the true mask.

    Grey dots are test subtomograms, named squares the means of structures. Empty masks cannot be
    drawn on the logarithmic axis; the title counts them.
    """
    sizes = mask_voxels(table)
    shown = table.assign(size=sizes)[sizes > 0]
    figure = new_figure(4.0)
    axes = figure.subplots()
    axes.plot(shown["size"], shown["iou_foreground"], ".", color=GREY, markersize=3)
    means = shown.groupby("pdb_id")[["size", "iou_foreground"]].mean()
    axes.plot(means["size"], means["iou_foreground"], "s", color="#0072B2")
    left_out = len(table) - len(shown)
    axes.set_title(title + (f"; empty masks left out: {left_out}" if left_out else ""))
    axes.set(xscale="log", xlabel="voxels in the true mask")
    axes.set(ylabel="IoU of the region of interest (%)", ylim=_PERCENT)
    plain_log_ticks(axes.xaxis)
    name_points(axes, means["size"], means["iou_foreground"], list(means.index))
    return figure


@styled
def table3_against_paper(table: pd.DataFrame) -> Figure:
    """Draw our Table 3 against the paper's: mIoU with its 95% interval, and pixel accuracy.

    Hollow marks are surrogates. Rows without our value or the paper's are left out; the title
    counts those shown. `table` is made by `tables.table3`.
    """
    shown = table.dropna(subset=["miou", "paper_miou"])
    hollow = shown["source"].map(is_surrogate).to_numpy(dtype=bool)
    figure = new_figure(3.8)
    figure.suptitle(
        f"Table 3: {len(shown)} of {len(table)} structures; line: ours equals the paper's",
        fontsize=8,
    )
    if shown.empty:
        figure.text(0.5, 0.5, "no results yet", ha="center")
        return figure
    panels = (("mIoU (%)", "miou"), ("pixel accuracy (%)", "pixel_accuracy"))
    for axes, (name, column) in zip(figure.subplots(1, 2), panels, strict=True):
        x, y = shown[f"paper_{column}"], shown[column]
        if column == "miou":
            axes.vlines(x, shown["miou_low"], shown["miou_high"], color=GREY, linewidth=0.8)
        look = SERIES[0]
        axes.plot(x[~hollow], y[~hollow], look.marker, color=look.color)
        axes.plot(x[hollow], y[hollow], look.marker, color=look.color, fillstyle="none")
        ends = _with_margins([*axes.get_xlim(), *axes.get_ylim()])
        axes.plot(ends, ends, color=GREY, linewidth=0.6, zorder=0)
        axes.set(xlim=ends, ylim=ends, aspect="equal")
        axes.set(xlabel=f"paper: {name}", ylabel=f"ours: {name}")
        axes.set_title(_agreement(x, y))
        name_points(axes, x, y, list(shown["pdb_id"]))
    return figure


def _with_margins(values: Sequence[float]) -> tuple[float, float]:
    """Return limits slightly beyond the smallest and the largest value."""
    margin = 0.03 * (max(values) - min(values))
    return min(values) - margin, max(values) + margin


def _agreement(paper: "pd.Series[float]", ours: "pd.Series[float]") -> str:
    """Format mean difference and rank correlation as a title; empty for fewer than three rows."""
    if len(ours) < 3:  # noqa: PLR2004 -- two points always correlate
        return ""
    rank = float(stats.spearmanr(paper, ours).statistic)
    return f"mean difference {(ours - paper).mean():+.2f}, rank correlation {rank:.2f}"
