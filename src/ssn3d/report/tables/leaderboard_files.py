"""The leaderboard as files: from the results of all runs to CSV and Markdown."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ssn3d.core.errors import DataError
from ssn3d.core.provenance import provenance
from ssn3d.experiment.runs import BASELINES, TUNED_BASELINE, run_folder
from ssn3d.io.files import PathLike, write_text
from ssn3d.io.tables import write_csv
from ssn3d.report.settings import LeaderboardSettings, TablesSettings
from ssn3d.report.tables.cells import NO_VALUE, cell, pipe_table
from ssn3d.report.tables.leaderboard import ALL, Entry, leaderboard, read_entry, read_external
from ssn3d.report.tables.text import provenance_line

_NOTES = (
    "mIoU: the mean of the IoUs of background and region of interest (ROI), both means over "
    "subtomograms, with a 95% bootstrap interval over subtomograms, or tomograms if it is wider. "
    "To the best: the mIoU less that of the first row, on the same subtomograms, with its paired "
    "interval; one that holds 0 shows no difference. Surface distance: the average symmetric "
    "distance of the surfaces, in voxels; where a mask is missing, the cube's diagonal. "
    "Milliseconds: to read and segment a subtomogram, on the machine where the method was scored. "
    "Oracle threshold knows the true masks: no method of one threshold is better."
)
_WITHOUT = " without "


def make_leaderboard(
    settings: LeaderboardSettings,
    tables: TablesSettings,
    snr_of: Mapping[str, float],
    pdb_ids: Sequence[str],
    *,
    runs: PathLike,
    csv: PathLike,
    seed: int,
) -> None:
    """Write the leaderboard as CSV, and beside it as Markdown.

    Its rows are those of the tables and of the settings; `snr_of` is the configured SNR by dataset.

    Raises DataError if a run is missing or damaged, or was scored on other subtomograms.
    """
    table = leaderboard(_entries(settings, tables, [*snr_of], pdb_ids, Path(runs)), snr_of, seed)
    sections = {"leaderboard": settings.model_dump(), "tables": tables.model_dump()}
    write_csv(csv, table.round(4))
    text = leaderboard_markdown(table, provenance(seed=seed, settings=sections))
    write_text(Path(csv).with_suffix(".md"), text)


def _entries(
    settings: LeaderboardSettings,
    tables: TablesSettings,
    datasets: Sequence[str],
    pdb_ids: Sequence[str],
    runs: Path,
) -> list[Entry]:
    """Read the scores of all methods."""
    entries = []
    for row in settings.all_rows(tables, datasets):
        untrained = row.method in BASELINES and row.method != TUNED_BASELINE
        folders = [run_folder(runs, *run) for run in row.runs()]
        entries.append(read_entry(folders, row.method, "" if untrained else row.dataset))
    for run, pdb_id in settings.without(tables, pdb_ids).items():
        entries.append(read_entry([run_folder(runs, *run)], run.method, run.dataset, pdb_id))
    for folder in settings.external:
        entries.append(read_external(folder))
        for dataset in entries[-1].scores["dataset"].unique():
            if dataset not in datasets:
                raise DataError(
                    f"{folder}: scored on dataset {dataset!r}, which is not in snr.datasets "
                    f"({', '.join(datasets)}); remove it from leaderboard.external"
                )
    return entries


def leaderboard_markdown(table: pd.DataFrame, provenance: Mapping[str, Any]) -> str:
    """Write `leaderboard.leaderboard` as sections: by dataset, by structure, and left out."""
    lines = ["# Leaderboard", "", _NOTES]
    for independent, title in ((True, "Independent tomograms"), (False, "Tomograms trained on")):
        part = table[table["independent"] == independent]
        lines += ["", f"## {title}"]
        for _, rows in part[part["structure"] == ALL].groupby("dataset"):
            lines += [*_heading(rows), *pipe_table(_ranking(rows))]
        if (part["structure"] != ALL).any():
            lines += ["", f"## {title}: mIoU by structure"]
        for _, rows in part[part["structure"] != ALL].groupby("dataset"):
            lines += [*_heading(rows), *pipe_table(_by_structure(rows))]
        rows = part[_are_left_out(part)]
        if len(rows):
            lines += ["", f"## {title}: structures left out of the training", ""]
            rows = rows.sort_values(["dataset", "structure"], kind="stable")
            cells = _ranking(rows)
            cells.insert(0, "Dataset", rows["dataset"].to_list())
            cells.insert(1, "Structure", rows["structure"].to_list())
            lines += pipe_table(cells)
    return "\n".join([*lines, "", f"Provenance: {provenance_line(provenance)}", ""])


def _are_left_out(rows: pd.DataFrame) -> "pd.Series[bool]":
    """Mark the rows of methods that were trained without the structure of the row."""
    pairs = zip(rows["trained_on"], rows["structure"], strict=True)
    found = [trained_on.endswith(f"{_WITHOUT}{structure}") for trained_on, structure in pairs]
    return pd.Series(found, rows.index, dtype=bool)


def _heading(rows: pd.DataFrame) -> list[str]:
    first = rows.iloc[0]
    return ["", f"### {first['dataset']}, SNR {first['snr']:g}", ""]


def _ranking(rows: pd.DataFrame) -> pd.DataFrame:
    """Format the scores of methods, one in a row."""
    cells = [
        {
            "Method": row["method"],
            "Trained on": row["trained_on"],
            "mIoU (%)": f"{row['miou']:.2f} ({row['miou_low']:.2f} to {row['miou_high']:.2f})",
            "To the best": _difference(row),
            "Pixel acc. (%)": f"{row['pixel_accuracy']:.2f}",
            "ROI's IoU (%)": f"{row['roi_iou']:.2f}",
            "Surface distance": f"{row['surface_distance']:.2f}",
            "Subtomograms": str(row["subtomograms"]),
            "Parameters": cell(row["parameters"], ","),
            "Milliseconds": cell(row["milliseconds"], ".1f"),
        }
        for row in rows.to_dict("records")
    ]
    return pd.DataFrame(cells)


def _difference(row: Mapping[Any, Any]) -> str:
    """Format the difference from the best method; a dash for the best itself."""
    if pd.isna(row["difference_low"]):
        return NO_VALUE
    ends = f"{row['difference_low']:+.2f} to {row['difference_high']:+.2f}"
    return f"{row['difference_miou']:+.2f} ({ends})"


def _by_structure(rows: pd.DataFrame) -> pd.DataFrame:
    """Tabulate methods by structures; trainings without each structure are one row."""
    cut = rows["trained_on"].str.rpartition(_WITHOUT)[0] + f"{_WITHOUT}it"
    named = rows.assign(trained_on=rows["trained_on"].mask(_are_left_out(rows), cut))
    wide = named.pivot_table(index=["method", "trained_on"], columns="structure", values="miou")
    wide = wide.loc[wide.mean(axis=1).sort_values(ascending=False).index]
    cells = wide.map(lambda value: cell(value, ".1f")).reset_index()
    return cells.rename(columns={"method": "Method", "trained_on": "Trained on"})
