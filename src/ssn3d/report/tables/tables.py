"""Tables 2 and 3: our values beside the paper's, a row for each configured run, finished or not."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ssn3d.core.errors import DataError
from ssn3d.experiment.runs import run_folder
from ssn3d.io.files import DELETE, PathLike, cannot_be_read
from ssn3d.report.paper import paper_complexes, paper_table2, paper_table3
from ssn3d.report.provenance_labels import is_exact_entry, source_label
from ssn3d.report.settings import RowSettings, Table3Settings, TablesSettings
from ssn3d.report.tables.row_metrics import row_metrics

_INDEPENDENT = [
    "independent_pixel_accuracy", "independent_miou", "independent_miou_low",
    "independent_miou_high", "independent_subtomograms",
]  # fmt: skip
_ERRORS = ["errors_per_surface_voxel", "ceiling_miou", "ceiling_pixel_accuracy", "accurate_miou"]
TABLE2_COLUMNS = [
    "method", "dataset", "snr", "seeds", "pixel_accuracy", "miou", "capacity",
    "paper_pixel_accuracy", "paper_miou", "difference_miou", "miou_low", "miou_high",
    "miou_lowest_seed", "miou_highest_seed", *_INDEPENDENT, "independent_miou_lowest_seed",
    "independent_miou_highest_seed", "iou_foreground", "paper_iou_foreground", "pooled_miou",
    *_ERRORS, "test_subtomograms", "epochs", "training_minutes", "status",
]  # fmt: skip
TABLE3_COLUMNS = [
    "pdb_id", "name", "seeds", "pixel_accuracy", "miou", "paper_pixel_accuracy", "paper_miou",
    "difference_miou", "miou_low", "miou_high", *_INDEPENDENT, "iou_foreground", *_ERRORS,
    "test_subtomograms", "epochs", "source", "exact_entry", "mask_voxels", "paper_mask_voxels",
    "status",
]  # fmt: skip
_KINDS = {
    **dict.fromkeys(["method", "dataset", "pdb_id", "name", "source", "status"], "str"),
    **dict.fromkeys(
        ["seeds", "capacity", "test_subtomograms", "independent_subtomograms"], "Int64"
    ),
    "exact_entry": "bool",
}


def make_tables(
    tables: TablesSettings,
    snr_of: Mapping[str, float],
    pdb_ids: Sequence[str],
    results: PathLike,
    resources: PathLike,
    *,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Make Tables 2 and 3 from the finished runs; rows of missing runs name what is missing.

    `snr_of` is the configured SNR by dataset.
    """
    second = table2(tables.table2, snr_of, results, resources, seed)
    third = table3(tables.table3, pdb_ids, results=results, resources=resources, seed=seed)
    return second, third


def table2(
    rows: Sequence[RowSettings],
    snr_of: Mapping[str, float],
    results: PathLike,
    resources: PathLike,
    seed: int,
) -> pd.DataFrame:
    """Make Table 2: each method on each dataset, trained and tested on the random split.

    Results are read from runs/{method}/{dataset}/random/, and random_seed2/, ... for more seeds;
    rows of paper_table2.csv among the resources are found by method and SNR.

    Returns `TABLE2_COLUMNS`, accuracies and IoUs in percent, means over seeds. The row of a missing
    run has none of our numbers; its `status` names the rule and the file. Raises DataError if a
    file is damaged.
    """
    paper = paper_table2(Path(resources) / "paper_table2.csv")
    made = []
    for row in rows:
        snr = snr_of[row.dataset]
        of_paper = paper[(paper["method"] == row.method) & np.isclose(paper["snr"], snr)]
        folders = [run_folder(Path(results) / "runs", *run) for run in row.runs()]
        names = {"method": row.method, "dataset": row.dataset, "snr": snr}
        made.append(_first(of_paper) | names | row_metrics(folders, row.method, seed))
    return _finish(made, TABLE2_COLUMNS)


def table3(
    settings: Table3Settings,
    pdb_ids: Sequence[str],
    *,
    results: PathLike,
    resources: PathLike,
    seed: int,
) -> pd.DataFrame:
    """Make Table 3: each structure segmented by a network that was trained without it.

    Structures that are not left out get a row without numbers; those of the paper come first, in
    its order. Results are read from runs/{method}/{dataset}/without_{pdb_id}/ and structures/.

    Returns `TABLE3_COLUMNS`, as in `table2`; `mask_voxels` is the mean over the test subtomograms.
    Raises DataError if a file is damaged, or a test set contains other structures.
    """
    paper = paper_table3(Path(resources) / "paper_table3.csv")
    complexes = paper_complexes(Path(resources) / "complexes.tsv")
    in_paper = [pdb_id for pdb_id in paper["pdb_id"] if pdb_id in pdb_ids]
    made = []
    structures = Path(results) / "structures"
    for pdb_id in dict.fromkeys([*in_paper, *pdb_ids]):
        row: dict[str, Any] = {"pdb_id": pdb_id, "name": "", "mass_kda": np.nan}
        row |= _first(complexes[complexes["pdb_id"] == pdb_id])
        row |= _first(paper[paper["pdb_id"] == pdb_id])
        row["source"] = source_label(structures, pdb_id)
        row["exact_entry"] = is_exact_entry(structures, pdb_id, row["mass_kda"])
        if pdb_id in settings.left_out(pdb_ids):
            folder = run_folder(Path(results) / "runs", *settings.run(pdb_id))
            row |= row_metrics([folder], settings.method, seed, only=pdb_id)
        else:
            row["status"] = "not asked for (tables.table3.leave_out)"
        made.append(row)
    return _finish(made, TABLE3_COLUMNS)


def read_table(path: PathLike) -> pd.DataFrame:
    """Read table2.csv or table3.csv with the types with which it was made.

    Raises DataError if the file is missing or damaged, or neither table.
    """
    texts = [column for column, kind in _KINDS.items() if kind == "str"]
    try:
        table = pd.read_csv(path, dtype=dict.fromkeys(texts, str))
        columns = TABLE3_COLUMNS if "pdb_id" in table else TABLE2_COLUMNS
        of_text = [column for column in columns if column in texts]
        return _typed(table[columns].fillna(dict.fromkeys(of_text, "")))
    except (OSError, KeyError, ValueError) as error:
        raise DataError(cannot_be_read(path, "table of ssn3d", error, DELETE)) from error


def _first(rows: pd.DataFrame) -> dict[str, Any]:
    """Return the first row as a dictionary, empty if there is no row."""
    return {} if rows.empty else {str(column): rows[column].iloc[0] for column in rows}


def _finish(rows: list[dict[str, Any]], columns: list[str]) -> pd.DataFrame:
    """Make a table of typed columns in order, with the differences to the paper."""
    table = _typed(pd.DataFrame(rows, columns=columns))
    table["difference_miou"] = table["miou"] - table["paper_miou"]
    return table


def _typed(table: pd.DataFrame) -> pd.DataFrame:
    """Convert every column to its type: text, nullable integer, boolean or float."""
    return table.astype({column: _KINDS.get(column, "float64") for column in table.columns})
