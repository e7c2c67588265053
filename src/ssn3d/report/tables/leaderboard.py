"""Leaderboard: methods, ours and others', ranked on the same subtomograms."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ssn3d.core.errors import DataError
from ssn3d.core.seeds import generator
from ssn3d.io.files import PathLike, read_json
from ssn3d.io.tables import read_csv
from ssn3d.report.bootstrap import mean_interval
from ssn3d.report.read_runs import SCORES, mask_voxels
from ssn3d.segmentation.evaluation.metrics import miou

COLUMNS = [
    "dataset", "snr", "independent", "structure", "method", "trained_on", "subtomograms",
    "pixel_accuracy", "miou", "miou_low", "miou_high", "roi_iou", "surface_distance",
    "difference_miou", "difference_low", "difference_high", "parameters", "milliseconds",
]  # fmt: skip
ALL = "all"
"""Name in place of a structure, in rows of all subtomograms."""
_TABLES = {"per_subtomogram.csv": False, "independent.csv": True}
_SUBTOMOGRAM = ["tomogram", "label"]
_MEANS = ["pixel_accuracy", "miou", "roi_iou", "surface_distance"]


@dataclass(frozen=True)
class Entry:
    """A method and its scores."""

    method: str
    trained_on: str
    """Names of the training datasets, or a free description."""
    left_out: str | None
    """Structure that was left out of the training, the only one scored."""
    folder: Path
    """Folder of the run, or of the first of several seeds."""
    parameters: int | None
    milliseconds: float | None
    """Run time per subtomogram."""
    scores: pd.DataFrame
    """Means over the runs, a row for each subtomogram: dataset, independent, tomogram, label,
    pdb_id, `_MEANS` and voxels (of the true mask)."""

    @property
    def training(self) -> str:
        """What the method was trained on, and the structure that was left out of it."""
        return self.trained_on + (f" without {self.left_out}" if self.left_out else "")


def read_entry(
    folders: Sequence[Path], method: str, trained_on: str, left_out: str | None = None
) -> Entry:
    """Read the scores of a method. Raises DataError if a file is missing or damaged."""
    record = read_json(folders[0] / "run.json", "capacity")
    every = pd.concat(
        [
            _read(folder / name).assign(independent=independent)
            for folder in folders
            for name, independent in _TABLES.items()
        ]
    )
    keys = ["dataset", "independent", *_SUBTOMOGRAM, "pdb_id"]
    means = every.groupby(keys, sort=False)[[*_MEANS, "voxels"]].mean().reset_index()
    took = record.get("milliseconds", float(every["milliseconds"].median()))
    return Entry(method, trained_on, left_out, folders[0], record["capacity"], took, means)


def read_external(folder: PathLike) -> Entry:
    """Read scores written by `ssn3d score`. Raises DataError if a file is missing or damaged."""
    record = read_json(Path(folder) / "run.json", "method", "trained_on", "milliseconds")
    return read_entry([Path(folder)], record["method"], record["trained_on"])


def _read(path: Path) -> pd.DataFrame:
    """Read a table of scores."""
    columns = {"dataset": str, **SCORES}
    columns |= dict.fromkeys(["surface_distance", "milliseconds"], np.float64)
    table = read_csv(path, columns)
    return table.assign(
        miou=miou(table), roi_iou=table["iou_foreground"], voxels=mask_voxels(table)
    )


def leaderboard(entries: Sequence[Entry], snr_of: Mapping[str, float], seed: int) -> pd.DataFrame:
    """Rank methods by mIoU, over all subtomograms of a dataset and by structure.

    Independent tomograms and tomograms of the training are ranked separately. A row has the
    method's scores and its mIoU minus that of the best on the same subtomograms, both with a 95%
    bootstrap interval; that of the difference is paired. Methods that were trained without a
    structure are ranked on that structure alone.

    Returns `COLUMNS`, accuracies and IoUs in percent, distances in voxels. Raises DataError if two
    methods were scored on different subtomograms or masks, or have the same name and training.
    """
    rows = []
    for names, group in _groups(entries):
        _check_names([entry for entry, _ in group])
        ranked = sorted(group, key=lambda pair: -float(pair[1]["miou"].mean()))
        best = ranked[0]
        for entry, scores in ranked:
            _check_same(entry, scores, *best)
            keys = [*map(str, names.values()), entry.method, entry.training]
            random = generator(seed, "leaderboard", *keys)
            rows.append(
                {
                    **names,
                    "snr": snr_of[str(names["dataset"])],
                    "method": entry.method,
                    "trained_on": entry.training,
                    **_row_scores(scores, None if entry is best[0] else best[1], random),
                    "parameters": entry.parameters,
                    "milliseconds": entry.milliseconds,
                }
            )
    return pd.DataFrame(rows, columns=COLUMNS).astype({"parameters": "Int64"})


def _groups(
    entries: Sequence[Entry],
) -> Iterator[tuple[dict[str, Any], list[tuple[Entry, pd.DataFrame]]]]:
    """Yield dataset, independent and structure of each ranking, and the scores to be ranked.

    All subtomograms of a structure left out of a training are tested, but only some of a structure
    in the training: both are ranked together on independent tomograms alone.
    """
    everything = pd.concat([entry.scores for entry in entries])
    datasets = sorted(everything["dataset"].unique())
    structures = [ALL, *sorted(everything["pdb_id"].unique())]
    for dataset, independent, structure in product(datasets, (True, False), structures):
        names = {"dataset": dataset, "independent": independent, "structure": structure}
        whole = [entry for entry in entries if entry.left_out is None]
        without = [entry for entry in entries if entry.left_out == structure]
        for ranked in [whole + without] if independent else [whole, without]:
            scores = [(entry, _part(entry.scores, **names)) for entry in ranked]
            group = [(entry, rows) for entry, rows in scores if len(rows)]
            if group:
                yield names, group


def _part(scores: pd.DataFrame, dataset: str, structure: str, *, independent: bool) -> pd.DataFrame:
    """Select the scores of a dataset, set and structure, sorted by subtomogram."""
    rows = (scores["dataset"] == dataset) & (scores["independent"] == independent)
    if structure != ALL:
        rows &= scores["pdb_id"] == structure
    return scores[rows].set_index(_SUBTOMOGRAM).sort_index()


def _check_names(entries: Sequence[Entry]) -> None:
    """Raise DataError if two methods that are ranked together could not be told apart."""
    folders: dict[tuple[str, str], Path] = {}
    for entry in entries:
        name = entry.method, entry.training
        first = folders.setdefault(name, entry.folder)
        if first != entry.folder:
            raise DataError(
                f"{entry.folder}: {entry.method!r}, trained on {entry.training!r}, is {first} too; "
                "score one of them again with another --name"
            )


def _check_same(entry: Entry, scores: pd.DataFrame, best: Entry, others: pd.DataFrame) -> None:
    """Raise DataError unless two methods were scored on the same subtomograms and masks."""
    if not scores["voxels"].equals(others["voxels"]):
        raise DataError(
            f"{entry.folder}: scored on other subtomograms or masks than {best.folder}; "
            "score both on the same dataset and split"
        )


def _row_scores(
    scores: pd.DataFrame, best: pd.DataFrame | None, random: np.random.Generator
) -> dict[str, float]:
    """Compute a method's means, and the intervals of its mIoU and of its difference to the best."""
    tomograms = scores.index.get_level_values("tomogram").to_numpy(str)
    low, high = mean_interval(scores["miou"].to_numpy(), tomograms, random)
    found = {"subtomograms": len(scores), **scores[_MEANS].mean(), "miou_low": low}
    found |= {"miou_high": high, "difference_miou": 0.0}
    if best is not None:
        difference = (scores["miou"] - best["miou"]).to_numpy()
        ends = mean_interval(difference, tomograms, random)
        found["difference_miou"] = float(difference.mean())
        found |= dict(zip(("difference_low", "difference_high"), ends, strict=True))
    return found
