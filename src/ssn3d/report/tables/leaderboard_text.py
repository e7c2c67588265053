"""The leaderboard as Markdown."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from ssn3d.report.tables.leaderboard import ALL
from ssn3d.report.tables.text import pipe_table, provenance_line

_NOTES = (
    "mIoU: the mean of the IoUs of background and region of interest (ROI), both means over "
    "subtomograms, with a 95% bootstrap interval over subtomograms, or tomograms if it is wider. "
    "To the best: the mIoU less that of the first row, on the same subtomograms, with its paired "
    "interval; one that holds 0 shows no difference. Surface distance: the average symmetric "
    "distance of the surfaces, in voxels; where a mask is missing, the cube's diagonal. "
    "Milliseconds: to read and segment a subtomogram, on the machine where the method was scored. "
    "Oracle threshold knows the true masks: no method of one threshold is better."
)
_DASH = "\N{EN DASH}"
_WITHOUT = " without "


def leaderboard_markdown(table: pd.DataFrame, provenance: Mapping[str, Any]) -> str:
    """Write `leaderboard.leaderboard` as sections: by dataset, by structure, and left out."""
    lines = ["# Leaderboard", "", _NOTES]
    for independent, title in ((True, "Independent tomograms"), (False, "Tomograms trained on")):
        part = table[table["independent"] == independent]
        lines += ["", f"## {title}"]
        for _, rows in part[part["structure"] == ALL].groupby("dataset"):
            lines += [*_heading(rows), *_ranking(rows)]
        if (part["structure"] != ALL).any():
            lines += ["", f"## {title}: mIoU by structure"]
        for _, rows in part[part["structure"] != ALL].groupby("dataset"):
            lines += [*_heading(rows), *_by_structure(rows)]
        rows = part[part["trained_on"].str.contains(_WITHOUT)]
        if len(rows):
            lines += ["", f"## {title}: structures left out of the training", ""]
            lines += _ranking(rows.sort_values(["dataset", "structure"], kind="stable"), more=True)
    return "\n".join([*lines, "", f"Provenance: {provenance_line(provenance)}", ""])


def _heading(rows: pd.DataFrame) -> list[str]:
    first = rows.iloc[0]
    return ["", f"### {first['dataset']}, SNR {first['snr']:g}", ""]


def _ranking(rows: pd.DataFrame, *, more: bool = False) -> list[str]:
    """Make a table of methods; with `more`, it names the dataset and structure of each."""
    cells = []
    for row in rows.to_dict("records"):
        names = [row["dataset"], row["structure"]] if more else []
        cells.append(
            [
                *names,
                row["method"],
                row["trained_on"],
                f"{row['miou']:.2f} ({row['miou_low']:.2f} to {row['miou_high']:.2f})",
                _difference(row),
                *(f"{row[key]:.2f}" for key in ("pixel_accuracy", "roi_iou", "surface_distance")),
                str(row["subtomograms"]),
                _DASH if pd.isna(row["parameters"]) else f"{row['parameters']:,}",
                _DASH if pd.isna(row["milliseconds"]) else f"{row['milliseconds']:.1f}",
            ]
        )
    titles = ["Method", "Trained on", "mIoU (%)", "To the best", "Pixel acc. (%)", "ROI's IoU (%)"]
    titles += ["Surface distance", "Subtomograms", "Parameters", "Milliseconds"]
    return pipe_table([*(["Dataset", "Structure"] if more else []), *titles], cells)


def _difference(row: Mapping[Any, Any]) -> str:
    """Format the distance from the best method, which has none itself."""
    if pd.isna(row["difference_low"]):
        return _DASH
    ends = f"{row['difference_low']:+.2f} to {row['difference_high']:+.2f}"
    return f"{row['difference_miou']:+.2f} ({ends})"


def _by_structure(rows: pd.DataFrame) -> list[str]:
    """Make a table of methods by structures; trainings without each structure are one row."""
    without = rows["trained_on"].str.replace(f"{_WITHOUT}.*", f"{_WITHOUT}it", regex=True)
    named = rows.assign(trained_on=without)
    wide = named.pivot_table(index=["method", "trained_on"], columns="structure", values="miou")
    wide = wide.loc[wide.mean(axis=1).sort_values(ascending=False).index]
    cells = [
        [*names, *(_DASH if pd.isna(value) else f"{value:.1f}" for value in values)]
        for names, values in zip(wide.index, wide.to_numpy(), strict=True)
    ]
    return pipe_table(["Method", "Trained on", *wide.columns], cells)
