"""Tables 2 and 3: our values beside the paper's, a row for every run asked for, finished or not."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ssn3d.errors import DataError
from ssn3d.report.bootstrap import mean_interval
from ssn3d.report.paper import paper_complexes, paper_table2, paper_table3
from ssn3d.report.read_runs import (
    Run,
    mask_voxels,
    missing_files,
    read_run,
)
from ssn3d.report.settings import RowSettings, Table3Settings
from ssn3d.report.source_words import source_in_words
from ssn3d.runs import BASELINES, run_folder
from ssn3d.seeds import generator
from ssn3d.segmentation.metrics import miou, summarise

PathLike = str | os.PathLike[str]
DONE = "done"
TABLE2_COLUMNS = [
    "method", "dataset", "snr", "pixel_accuracy", "miou", "capacity", "paper_pixel_accuracy",
    "paper_miou", "difference_miou", "miou_low", "miou_high", "independent_pixel_accuracy",
    "independent_miou", "iou_foreground", "paper_iou_foreground", "pooled_miou", "ceiling_miou",
    "errors_per_surface_voxel", "test_subtomograms", "epochs", "training_minutes", "status",
]  # fmt: skip
TABLE3_COLUMNS = [
    "pdb_id", "name", "pixel_accuracy", "miou", "paper_pixel_accuracy", "paper_miou",
    "difference_miou", "miou_low", "miou_high", "independent_pixel_accuracy", "independent_miou",
    "iou_foreground", "ceiling_miou", "errors_per_surface_voxel", "test_subtomograms", "epochs",
    "source", "mask_voxels", "paper_mask_voxels", "status",
]  # fmt: skip
_RULES = {
    "run.json": "train_network",
    "per_subtomogram.csv": "evaluate_network",
    "independent.csv": "evaluate_network",
}
_WHOLE_NUMBERS = ["capacity", "test_subtomograms", "epochs"]
_TEXT = ["method", "dataset", "pdb_id", "name", "source", "status"]


def table2(
    rows: Sequence[RowSettings],
    snr_of: Mapping[str, float],
    results: PathLike,
    resources: PathLike,
    seed: int,
) -> pd.DataFrame:
    """Table 2: each method on each dataset, trained and tested on the random split.

    Args:
        rows: what each row shows, in the order wanted.
        snr_of: the configured SNR of each dataset.
        results: folder with runs/{method}/{dataset}/random/.
        resources: folder with paper_table2.csv, whose rows are found by method and SNR.
        seed: of the bootstrap.

    Returns:
        `TABLE2_COLUMNS`, accuracies and IoUs in percent. The row of a missing run has none of our
        numbers; its `status` names the rule and the file.

    Raises:
        DataError: a file is damaged.
    """
    paper = paper_table2(Path(resources) / "paper_table2.csv")
    made = []
    for row in rows:
        snr = snr_of[row.dataset]
        of_paper = paper[(paper["method"] == row.method) & np.isclose(paper["snr"], snr)]
        folder = run_folder(Path(results) / "runs", row.method, row.dataset)
        names = {"method": row.method, "dataset": row.dataset, "snr": snr}
        made.append(_first(of_paper) | names | _ours(folder, row.method, seed))
    return _finish(made, TABLE2_COLUMNS)


def table3(
    settings: Table3Settings,
    pdb_ids: Sequence[str],
    *,
    results: PathLike,
    resources: PathLike,
    seed: int,
) -> pd.DataFrame:
    """Table 3: each structure segmented by a network that was trained without it.

    Args:
        settings: what the table shows; structures that are not left out get a row without numbers.
        pdb_ids: all structures of the experiment; those of the paper come first, in its order.
        results: folder with runs/{method}/{dataset}/without_{pdb_id}/ and structures/.
        resources: folder with paper_table3.csv and complexes.tsv.
        seed: of the bootstrap.

    Returns:
        `TABLE3_COLUMNS`, as in `table2`; `mask_voxels` is the mean over the test subtomograms.

    Raises:
        DataError: a file is damaged, or a test set contains other structures.
    """
    paper = paper_table3(Path(resources) / "paper_table3.csv")
    complexes = paper_complexes(Path(resources) / "complexes.tsv")
    in_paper = [pdb_id for pdb_id in paper["pdb_id"] if pdb_id in pdb_ids]
    made = []
    method, runs = settings.method, Path(results) / "runs"
    for pdb_id in dict.fromkeys([*in_paper, *pdb_ids]):
        source = source_in_words(Path(results) / "structures", pdb_id)
        row = {"pdb_id": pdb_id, "name": "", "source": source}
        row |= _first(complexes[complexes["pdb_id"] == pdb_id])
        row |= _first(paper[paper["pdb_id"] == pdb_id])
        if pdb_id in settings.left_out(pdb_ids):
            folder = run_folder(runs, method, settings.dataset, f"without_{pdb_id}")
            row |= _ours(folder, method, seed, only=pdb_id)
        else:
            row["status"] = "not asked for (tables.table3.leave_out)"
        made.append(row)
    return _finish(made, TABLE3_COLUMNS)


def read_table(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Read table2.csv or table3.csv as it was made.

    Raises:
        DataError: the file is missing or damaged, or neither table.
    """
    try:
        table = pd.read_csv(path, dtype=dict.fromkeys(_TEXT, str))
        columns = TABLE3_COLUMNS if "pdb_id" in table else TABLE2_COLUMNS
        of_text = [column for column in columns if column in _TEXT]
        return _typed(table[columns].fillna(dict.fromkeys(of_text, "")))
    except (OSError, KeyError, ValueError) as error:
        message = f"{path}: not a table of ssn3d ({error}); delete it and rerun"
        raise DataError(message) from error


def _first(rows: pd.DataFrame) -> dict[str, Any]:
    """Give the first row as a dictionary; an empty one where there is no row."""
    return {} if rows.empty else {str(column): rows[column].iloc[0] for column in rows}


def _ours(folder: Path, method: str, seed: int, only: str | None = None) -> dict[str, Any]:
    """Give the numbers of a run, or a status that names what is missing.

    `only` is the structure that the test set must consist of.
    """
    missing = missing_files(folder)
    if missing:
        rule = "run_baseline" if method in BASELINES else _RULES[missing[0].name]
        return {"status": f"missing: rule {rule} ({missing[0]})"}
    run = read_run(folder)
    tested = pd.concat([run.subtomograms, run.independent])
    if only is not None and not (tested["pdb_id"] == only).all():
        message = f"{folder}: the scores are of other structures than {only}"
        raise DataError(f"{message}; delete it and rerun")
    return _numbers(run, generator(seed, "bootstrap", *folder.parts[-3:]))


def _numbers(run: Run, random: np.random.Generator) -> dict[str, Any]:
    """Compute means, the interval and the costs of a finished run."""
    table, record = run.subtomograms, run.record
    summary, independent = summarise(table), summarise(run.independent)
    low, high = mean_interval(np.asarray(miou(table), np.float64), random)
    scores = (
        "pixel_accuracy", "miou", "iou_foreground", "pooled_miou", "errors_per_surface_voxel",
    )  # fmt: skip
    return {score: summary[score] for score in scores} | {
        "independent_pixel_accuracy": independent["pixel_accuracy"],
        "independent_miou": independent["miou"],
        "miou_low": low,
        "miou_high": high,
        "test_subtomograms": len(table),
        "mask_voxels": mask_voxels(table).mean(),
        "capacity": record["capacity"],
        "ceiling_miou": table["ceiling_miou"].mean(),
        "epochs": record["epochs"],
        "training_minutes": record["training_seconds"] / 60,
        "status": DONE,
    }


def _finish(rows: list[dict[str, Any]], columns: list[str]) -> pd.DataFrame:
    """Put the columns in order and compute the differences."""
    table = _typed(pd.DataFrame(rows, columns=columns))
    table["difference_miou"] = table["miou"] - table["paper_miou"]
    return table


def _typed(table: pd.DataFrame) -> pd.DataFrame:
    """Give every column its type: text, nullable integer or float."""
    kinds = {
        column: "str" if column in _TEXT else "Int64" if column in _WHOLE_NUMBERS else "float64"
        for column in table.columns
    }
    return table.astype(kinds)
