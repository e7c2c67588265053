"""Report of a search, as Markdown: what was measured, what is expected, what was found."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from ssn3d.io.files import PathLike, read_json, write_text
from ssn3d.io.tables import read_csv

EXPECTED = {
    "target": str,
    "tomograms": int,
    "annotated": int,
    "particles": int,
    "among_candidates": int,
    "quartile_score": float,
    "default": bool,
    "false_discovery_rate": float,
    "picks": int,
    "precision": float,
    "recall": float,
}
_NOT_ALWAYS = ("precision", "recall", "quartile_score")
_LIKE = (
    "A candidate is like a target if its likeness to the structure is at least that of three in "
    "four particles in tomograms where these are known. If hardly any is: are the voxel size, the "
    "contrast, the tilts and the structure right?"
)
_CUT = (
    "For a cut of your own, `picks/NAME/ID_candidates.star` has all candidates, the most probable "
    "first."
)


def write_report(
    measured: Mapping[str, PathLike],
    candidates: Mapping[str, PathLike],
    expected: PathLike,
    simulation: PathLike,
    path: PathLike,
) -> None:
    """Write the report.

    `measured` are reports of measurements, and `candidates` tables of all candidates, by tomogram;
    `expected` is the table of `calibrate_targets`, `simulation` the settings of what is simulated.
    """
    table = read_csv(expected, EXPECTED, may_be_empty=_NOT_ALWAYS)
    snr = read_json(simulation, "snr")["snr"]
    words = "as configured (not seen)" if snr is None else f"{snr[0]:.2g} to {snr[1]:.2g}"
    told = (
        f"Probabilities were learnt on simulated tomograms (SNR {words}), or on annotated ones "
        "where this is said below. They hold if a target is as large a share of all macromolecules."
    )
    found = {name: pd.read_csv(Path(file)) for name, file in candidates.items()}
    reports = [Path(file).read_text(encoding="utf-8") for file in measured.values()]
    parts = [
        "# Search for named molecules",
        *("", told, "", "## Expected, each tomogram by the others' probabilities", ""),
        *_expected(table),
        *("", "## Picks", ""),
        *_found(found, table),
        *("", "## What was measured of each tomogram", ""),
        *(text.replace("# ", "### ", 1) for text in reports),
    ]
    write_text(path, "\n".join(parts) + "\n")


def _expected(table: pd.DataFrame) -> list[str]:
    """Rows of precision and recall; the default cut is marked."""
    titles = ("target", "wrong picks allowed", "picks", "precision", "recall")
    lines = [f"| {' | '.join(titles)} |", "|" + len(titles) * "---|"]
    for row in table.to_dict("records"):
        mark = " (default)" if row["default"] else ""
        allowed = f"{row['false_discovery_rate']:.0%}{mark}"
        numbers = f"{_percent(row['precision'])} | {_percent(row['recall'])}"
        lines.append(f"| {row['target']} | {allowed} | {row['picks']} | {numbers} |")
    for target, rows in table.groupby("target", sort=False):
        first = rows.iloc[0]
        found = f"{first['among_candidates']} of {first['particles']} particles"
        where = f"in {first['tomograms']} tomograms"
        if first["annotated"]:
            where += f" ({first['annotated']} of them annotated)"
        where += " are among the candidates"
        lines += ["", f"{target}: {found} {where}."]
    return lines


def _percent(value: float) -> str:
    return "-" if np.isnan(value) else f"{value:.0%}"


def _found(candidates: Mapping[str, pd.DataFrame], table: pd.DataFrame) -> list[str]:
    """Rows of numbers of picks, of those expected to be right, and of candidates."""
    titles = ("tomogram", "target", "picks", "expected to be right", "candidates", "like it")
    lines = [f"| {' | '.join(titles)} |", "|" + len(titles) * "---|"]
    usual = table.groupby("target", sort=False)["quartile_score"].first()
    for name, every in candidates.items():
        for target, score in usual.items():
            rows = every[every["target"] == target]
            kept = rows[rows["kept"].astype(bool)]
            right = kept["probability"].sum()
            like = "-" if np.isnan(score) else (rows["score"] >= score).sum()
            numbers = f"{len(kept)} | {right:.1f} | {len(rows)} | {like}"
            lines.append(f"| {name} | {target} | {numbers} |")
    return [*lines, "", _LIKE, "", _CUT]
