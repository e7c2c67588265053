"""Table of particles recovered from simulated tomograms, as CSV, Markdown and HTML.

A row covers a dataset, or its particles of one class or range of masses; the latter have no
precision, since picks have no class.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ssn3d.io.files import PathLike, read_json, write_text
from ssn3d.io.tables import read_csv, write_csv
from ssn3d.picking.scoring import f_score, score_voxels
from ssn3d.recovery.scores import COUNTS, MATCHES, OF_FOUND
from ssn3d.report.tables.cells import cell, pipe_table, write_page

ALL = "all"
_BOUNDS_KDA = (100, 300, 600)
_COLUMNS = {
    # title: column of the table, format of its numbers ("" for text)
    "Dataset": ("dataset", ""),
    "SNR": ("snr", "g"),
    "Picks": ("picks", ",.0f"),
    "Particles": ("particles", ",.0f"),
    "Precision": ("precision", ".3f"),
    "Recall": ("recall", ".3f"),
    "F1": ("f1", ".3f"),
    "F4": ("f4", ".3f"),
    "Mean error (A)": ("mean_error_angstrom", ".1f"),
    "Median error (A)": ("median_error_angstrom", ".1f"),
    "IoU of targets (%)": ("target_iou", ".1f"),
    "IoU of structure (%)": ("structure_iou", ".1f"),
}
_METHODS = {
    "dog": "difference of Gaussians",
    "segmentation": "segmentation by a network",
    "both": "difference of Gaussians, ranked by a network",
}


def make_recovery_table(
    results: PathLike,
    groups: Mapping[str, Sequence[str]],
    snr_of: Mapping[str, float],
    pdb_ids: Sequence[str],
    *,
    method: str,
    distance_angstrom: float,
    csv: PathLike,
) -> None:
    """Write the table as CSV, and beside it as Markdown and HTML.

    `groups` are names of recovered tomograms, by dataset. A pick counts within the distance of a
    particle.
    """
    structures, folder = Path(results) / "structures", Path(results) / "recovery"
    records = {i: read_json(structures / f"{i}.json", "mass_dalton") for i in pdb_ids}
    masses = {pdb_id: record["mass_dalton"] / 1000 for pdb_id, record in records.items()}
    rows = {
        dataset: _rows([folder / name / name for name in names], masses)
        for dataset, names in groups.items()
    }
    table = pd.concat([of_one.assign(dataset=dataset) for dataset, of_one in rows.items()])
    table.insert(0, "snr", table["dataset"].map(snr_of))
    table.insert(0, "dataset", table.pop("dataset"))
    table.insert(2, "method", method)
    write_csv(csv, table)
    title = f"Particles recovered; picks by {_METHODS[method]}"
    note = (
        f"A pick counts within {distance_angstrom:g} A of the centre of a particle that no other "
        "pick has. Errors are distances of such picks from their centres. IoU of targets: of the "
        "mask at a pick that counts and the true mask of its particle, the mean. IoU of structure: "
        "of all particles, in the whole tomogram."
    )
    every = table[table["group"] == ALL]
    cells = {title: _formatted(every[column], form) for title, (column, form) in _COLUMNS.items()}
    tables = [pd.DataFrame(cells), _group_cells(table)]
    blocks = [f"**{title}**", *("\n".join(pipe_table(one)) for one in tables), note]
    write_text(Path(csv).with_suffix(".md"), "\n\n".join(blocks) + "\n")
    write_page(tables, Path(csv).with_suffix(".html"), title, [note])


def _rows(samples: Sequence[Path], masses_kda: Mapping[str, float]) -> pd.DataFrame:
    """Score the tomograms of one dataset together: all particles, ranges of masses, and classes.

    `samples` are prefixes of the tomograms' files.
    """
    tables = [read_csv(f"{s}_matches.csv", MATCHES, may_be_empty=OF_FOUND) for s in samples]
    counts = [read_json(f"{s}_counts.json", *COUNTS) for s in samples]
    matches = pd.concat(tables)
    masses = matches["pdb_id"].map(masses_kda)
    groups = {ALL: matches}
    for low, high in zip((0, *_BOUNDS_KDA), (*_BOUNDS_KDA, np.inf), strict=True):
        name = f"{low} to {high} kDa" if np.isfinite(high) else f"{low} kDa and more"
        groups[name] = matches[(masses >= low) & (masses < high)]
    by_mass = sorted(set(matches["pdb_id"]), key=lambda pdb_id: masses_kda[pdb_id])
    groups |= {pdb_id: matches[matches["pdb_id"] == pdb_id] for pdb_id in by_mass}
    rows = [
        {"group": name, "mass_kda": masses_kda.get(name, np.nan)} | _scores(group)
        for name, group in groups.items()
        if len(group)
    ]
    rows[0] |= _pick_scores(rows[0], counts)
    return pd.DataFrame(rows)


def _scores(matches: pd.DataFrame) -> dict[str, float]:
    """Score particles by the picks that found them."""
    found = matches[matches["pick"] > 0]
    return {
        "picks": np.nan,
        "particles": len(matches),
        "found": len(found),
        "precision": np.nan,
        "recall": len(found) / len(matches),
        "f1": np.nan,
        "f4": np.nan,
        "mean_error_angstrom": found["distance_angstrom"].mean(),
        "median_error_angstrom": found["distance_angstrom"].median(),
        "target_iou": 100 * found["iou"].mean(),
        "structure_iou": np.nan,
    }


def _pick_scores(row: Mapping[str, Any], counts: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Score all picks and, where whole tomograms were segmented, all voxels."""
    picks = sum(one["picks"] for one in counts)
    precision = row["found"] / picks if picks else 0.0
    scores = {"picks": picks, "precision": precision}
    scores |= {f"f{beta}": f_score(precision, row["recall"], beta) for beta in (1, 4)}
    if all(one["voxels"] for one in counts):
        voxels = np.sum([one["voxels"] for one in counts], axis=0)
        scores["structure_iou"] = 100 * score_voxels(*voxels.tolist()).iou
    return scores


def _group_cells(table: pd.DataFrame) -> pd.DataFrame:
    """Format recall and IoU by mass and class, a column for each dataset."""
    groups = table[table["group"] != ALL]
    names = groups.drop_duplicates("group").set_index("group")
    cells = pd.DataFrame({"Particles of": names.index})
    cells["Mass (kDa)"] = _formatted(names["mass_kda"], ",.0f")
    cells["Number"] = _formatted(names["particles"], ",.0f")
    for dataset, rows in groups.groupby("dataset", sort=False):
        same = rows.set_index("group").reindex(names.index)
        cells[f"Recall, {dataset}"] = _formatted(same["recall"], ".3f")
        cells[f"IoU, {dataset} (%)"] = _formatted(same["target_iou"], ".1f")
    return cells


def _formatted(values: "pd.Series[Any]", form: str) -> list[str]:
    return [cell(value, form) for value in values]
