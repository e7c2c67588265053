"""Tables 2 and 3: ours beside the paper's, one row for each row asked for, run or not."""

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ssn3d.csv_files import read_csv
from ssn3d.errors import DataError
from ssn3d.report.bootstrap import mean_interval
from ssn3d.report.read_runs import Run, mask_voxels, missing_files, read_run
from ssn3d.report.source_words import source_in_words
from ssn3d.runs import BASELINES, run_folder
from ssn3d.seeds import generator
from ssn3d.segmentation.metrics import summarise

DONE = "done"
TABLE2_COLUMNS = [
    "method", "dataset", "snr", "pixel_accuracy", "miou", "capacity", "paper_pixel_accuracy",
    "paper_miou", "difference_miou", "miou_low", "miou_high", "iou_foreground",
    "paper_iou_foreground", "pooled_miou", "ceiling_miou", "test_subtomograms", "epochs",
    "training_minutes", "status",
]  # fmt: skip
TABLE3_COLUMNS = [
    "pdb_id", "name", "pixel_accuracy", "miou", "paper_pixel_accuracy", "paper_miou",
    "difference_miou", "miou_low", "miou_high", "iou_foreground", "ceiling_miou",
    "test_subtomograms", "epochs", "source", "mask_voxels", "paper_mask_voxels", "status",
]  # fmt: skip
_RULES = {"run.json": "train_network", "per_subtomogram.csv": "evaluate_network"}
_WHOLE_NUMBERS = ["capacity", "test_subtomograms", "epochs"]
_PAPER = {"pixel_accuracy": np.float64, "miou": np.float64}
_TEXT = ["method", "dataset", "pdb_id", "name", "source", "status"]


def table2(
    rows: Sequence[Mapping[str, str]],
    snr_of: Mapping[str, float],
    runs_dir: str | os.PathLike[str],
    paper_csv: str | os.PathLike[str],
    seed: int,
) -> pd.DataFrame:
    """Segmentation performance of each method on each dataset, random split.

    Args:
        rows: `method` and `dataset` of each row, in the order wanted.
        snr_of: the SNR asked for, by dataset.
        runs_dir: folder with {method}/{dataset}/{split}/.
        paper_csv: the paper's values, found by method and SNR.
        seed: of the bootstrap.

    Returns:
        `TABLE2_COLUMNS`, accuracies and IoUs in percent; a run that is not there has a row without
        numbers, and `status` names the rule and the file.

    Raises:
        DataError: a file of a run is damaged.
    """
    columns = {"method": str, "snr": np.float64, **_PAPER, "iou_foreground": np.float64}
    either = ["miou", "iou_foreground"]  # a row of the paper gives the one or the other
    paper = read_csv(paper_csv, columns, may_be_empty=either, remedy="restore it")
    made = []
    for row in rows:
        method, dataset = row["method"], row["dataset"]
        snr = snr_of[dataset]
        of_paper = paper[(paper["method"] == method) & np.isclose(paper["snr"], snr)]
        folder = run_folder(runs_dir, method, dataset, "random")
        made.append(
            {"method": method, "dataset": dataset, "snr": snr}
            | _paper_values(of_paper)
            | _measured(folder, method, seed)
        )
    return _finish(made, TABLE2_COLUMNS)


def table3(
    pdb_ids: Sequence[str],
    *,
    method: str,
    dataset: str,
    leave_out: str | Sequence[str],
    runs_dir: str | os.PathLike[str],
    structures_dir: str | os.PathLike[str],
    paper_csv: str | os.PathLike[str],
    complexes_tsv: str | os.PathLike[str],
    seed: int,
) -> pd.DataFrame:
    """Generalisation: each structure segmented by a network that never saw its class.

    Args:
        pdb_ids: all structures of the experiment; the paper's order comes first.
        method: the network.
        dataset: the dataset.
        leave_out: "all", or the structures that were asked for.
        runs_dir: folder with {method}/{dataset}/without_{pdb_id}/.
        structures_dir: folder with {pdb_id}.json, which says where a structure came from.
        paper_csv: the paper's values by PDB ID.
        complexes_tsv: names and the paper's mask sizes by PDB ID.
        seed: of the bootstrap.

    Returns:
        `TABLE3_COLUMNS`; `mask_voxels` is the mean over the test subtomograms.

    Raises:
        DataError: a file of a run is damaged, or its test set holds another class.
    """
    paper = read_csv(paper_csv, {"pdb_id": str, **_PAPER}, remedy="restore it")
    complexes = paper_complexes(complexes_tsv).set_index("pdb_id")
    order = [pdb_id for pdb_id in paper["pdb_id"] if pdb_id in pdb_ids]
    made = []
    for pdb_id in [*order, *(other for other in pdb_ids if other not in order)]:
        known = complexes.loc[pdb_id] if pdb_id in complexes.index else {}
        row = {
            "pdb_id": pdb_id,
            "name": known.get("name", ""),
            "source": source_in_words(structures_dir, pdb_id),
            "paper_mask_voxels": known.get("paper_mask_voxels", math.nan),
        } | _paper_values(paper[paper["pdb_id"] == pdb_id])
        if leave_out == "all" or pdb_id in leave_out:
            folder = run_folder(runs_dir, method, dataset, f"without_{pdb_id}")
            made.append(row | _measured(folder, method, seed, only=pdb_id))
        else:
            made.append(row | {"status": "not asked for (tables.table3.leave_out)"})
    return _finish(made, TABLE3_COLUMNS)


def paper_complexes(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Read names and the paper's mask sizes by PDB ID. Raises DataError where it is damaged."""
    columns = {"pdb_id": str, "name": str, "paper_mask_voxels": np.float64}
    return read_csv(path, columns, separator="\t", remedy="restore it")


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


def _measured(folder: Path, method: str, seed: int, only: str | None = None) -> dict[str, Any]:
    """Make the numbers of one row from its run, or a status that tells what is missing."""
    missing = missing_files(folder)
    if missing:
        rule = "run_baseline" if method in BASELINES else _RULES[missing[0].name]
        return {"status": f"missing: rule {rule} ({missing[0]})"}
    run = read_run(folder)
    if only is not None and not (run.subtomograms["pdb_id"] == only).all():
        message = f"{folder / 'per_subtomogram.csv'}: holds other classes than {only}"
        raise DataError(f"{message}; delete it and run again")
    return _numbers(run, generator(seed, "bootstrap", *folder.parts[-3:]))


def _numbers(run: Run, random: np.random.Generator) -> dict[str, Any]:
    """Means, interval and costs of one run."""
    table, record = run.subtomograms, run.record
    summary = summarise(table)
    per_subtomogram = (table["iou_background"] + table["iou_foreground"]).to_numpy(float) / 2
    low, high = mean_interval(per_subtomogram, random)
    return {
        "pixel_accuracy": summary["pixel_accuracy"],
        "miou": summary["miou"],
        "miou_low": low,
        "miou_high": high,
        "iou_foreground": summary["iou_foreground"],
        "pooled_miou": summary["pooled_miou"],
        "test_subtomograms": len(table),
        "mask_voxels": mask_voxels(table).mean(),
        "capacity": record["capacity"],
        "ceiling_miou": record.get("ceiling_miou"),
        "epochs": record["epochs"],
        "training_minutes": record["training_seconds"] / 60,
        "status": DONE,
    }


def _paper_values(matches: pd.DataFrame) -> dict[str, Any]:
    """Give the paper's scores; nothing where the paper has no such row."""
    if matches.empty:
        return {}
    scores = ("pixel_accuracy", "miou", "iou_foreground")
    return {f"paper_{score}": matches.iloc[0][score] for score in scores if score in matches}


def _finish(rows: list[dict[str, Any]], columns: list[str]) -> pd.DataFrame:
    """Order the columns and take the differences."""
    table = _typed(pd.DataFrame(rows, columns=columns))
    table["difference_miou"] = table["miou"] - table["paper_miou"]
    return table


def _typed(table: pd.DataFrame) -> pd.DataFrame:
    """Give every column its type: text, whole number with gaps, or number."""
    kinds = {
        column: "str" if column in _TEXT else "Int64" if column in _WHOLE_NUMBERS else "float64"
        for column in table.columns
    }
    return table.astype(kinds)
