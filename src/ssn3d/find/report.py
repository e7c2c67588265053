"""Report of a search, as Markdown: what was measured, what is expected, what was found."""

from collections.abc import Mapping, Sequence
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
    "median_score": float,
    "default": bool,
    "false_discovery_rate": float,
    "picks": int,
    "precision": float,
    "recall": float,
}
_NOT_ALWAYS = ("precision", "recall", "median_score")


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
    targets = table["target"].unique().tolist()
    reports = [Path(file).read_text(encoding="utf-8") for file in measured.values()]
    parts = [
        "# Search for named molecules",
        *("", told, "", "## Expected, each tomogram by the others' probabilities", ""),
        *_expected(table),
        *("", "## Picks", ""),
        *_found(found, targets),
        *("", "For a cut of your own: `picks/NAME/ID_candidates.star`, the most probable first."),
        *_unlike(found, table),
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


def _found(candidates: Mapping[str, pd.DataFrame], targets: Sequence[str]) -> list[str]:
    """Rows of numbers of picks, and of those expected to be right."""
    lines = [
        "| tomogram | target | picks | expected to be right | candidates |",
        "|---|---|---|---|---|",
    ]
    for name, table in candidates.items():
        for target in targets:
            rows = table[table["target"] == target]
            kept = rows[rows["kept"].astype(bool)]
            right = kept["probability"].sum()
            lines.append(f"| {name} | {target} | {len(kept)} | {right:.1f} | {len(rows)} |")
    return lines


def _unlike(candidates: Mapping[str, pd.DataFrame], table: pd.DataFrame) -> list[str]:
    """Name the targets that no candidate is as like as particles of known tomograms are."""
    every, lines = pd.concat(candidates.values()), []
    for target, usual in table.groupby("target", sort=False)["median_score"].first().items():
        highest = every.loc[every["target"] == target, "score"].max()
        if highest < usual:
            told = (
                f"**{target}**: no candidate is as like the structure (at most {highest:.2f}) as "
                f"half of the particles in tomograms where they are known ({usual:.2f}). Are the "
                "voxel size, the contrast, the tilts and the structure right?"
            )
            lines += ["", told]
    return lines
