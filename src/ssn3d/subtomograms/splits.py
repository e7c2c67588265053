"""Splits into train, validation and test set, by subtomogram or by tomogram.

Subtomograms of one crowded tomogram overlap, so that parts drawn from it share voxels, noise
included. Parts of whole tomograms share nothing. Subtomograms of independent tomograms are always a
separate part, which no training reads.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ssn3d.core.errors import DataError
from ssn3d.io.files import PathLike
from ssn3d.io.tables import read_csv, write_csv
from ssn3d.subtomograms.settings import SplitsSettings, is_independent
from ssn3d.subtomograms.store import Dataset

PARTS = ("train", "validation", "test", "independent")
UNUSED = "unused"
"""Subtomograms of no part: those of a structure left out, in training or validation tomograms."""
_REMEDY = "give a split of ssn3d, or make it again"
_COLUMNS = {"tomogram": str, "label": np.int64, "pdb_id": str, "split": str}


def split_subtomograms(
    tomograms: NDArray[np.str_],
    pdb_ids: NDArray[np.str_],
    settings: SplitsSettings,
    rng: np.random.Generator,
    leave_out: str | None = None,
) -> NDArray[np.str_]:
    """Assign each subtomogram to one of `PARTS` or to `UNUSED`, (n,).

    The test set is a random fraction of all, or with `leave_out` all of that structure; the
    validation set is a random fraction of the rest. By tomogram, both fractions are of tomograms,
    at least one each, and a structure left out is tested in those of the test set.

    Raises DataError if a part would be empty.
    """
    of_class = np.ones(len(pdb_ids), bool) if leave_out is None else pdb_ids == leave_out
    known = np.array([not is_independent(name) for name in tomograms])
    parts = np.full(len(pdb_ids), UNUSED, dtype="<U11")
    parts[~known & of_class] = "independent"
    by_tomogram = settings.by == "tomogram"
    least = int(by_tomogram)
    units = tomograms if by_tomogram else np.arange(len(pdb_ids))
    if leave_out is None or by_tomogram:
        drawn, rest = _draw(units[known], settings.test_fraction, rng, least=least)
        test = known & np.isin(units, drawn)
    else:
        test = known & of_class
        rest = units[known & ~test]
    validation, train = _draw(rest, settings.validation_fraction, rng, least=least)
    trained = known & (~of_class if leave_out else True)
    parts[test & of_class] = "test"
    parts[trained & np.isin(units, validation)] = "validation"
    parts[trained & np.isin(units, train)] = "train"
    empty = [part for part in PARTS if not (parts == part).any()]
    if empty:
        left = f" without {leave_out}" if leave_out else ""
        raise DataError(
            f"splits{left}: {', '.join(empty)} would be empty with {len(parts)} subtomograms; ask "
            "for more (subtomograms.count, independent_count) or change the fractions (splits)"
        )
    return parts


def _draw(
    units: NDArray[np.generic], fraction: float, rng: np.random.Generator, *, least: int
) -> tuple[NDArray[np.generic], NDArray[np.generic]]:
    """Draw a fraction of the distinct units at random; return those drawn, and the rest."""
    order = rng.permutation(np.unique(units))
    count = max(round(fraction * len(order)), least)
    return order[:count], order[count:]


def write_split(
    path: PathLike,
    tomograms: NDArray[np.str_],
    labels: NDArray[np.int64],
    pdb_ids: NDArray[np.str_],
    parts: NDArray[np.str_],
) -> None:
    """Write a split as a table of all subtomograms: tomogram, label, pdb_id, split."""
    columns = dict(zip(_COLUMNS, (tomograms, labels, pdb_ids, parts), strict=True))
    write_csv(path, pd.DataFrame(columns))


def read_split(path: PathLike, dataset: Dataset) -> dict[str, NDArray[np.int_]]:
    """Read the rows of each part in a dataset, which may have only some of the tomograms.

    In several datasets together, a particle is in the same part at every SNR.

    Raises DataError if the file is damaged, or is a split of other subtomograms.
    """
    table = read_csv(path, _COLUMNS, remedy=_REMEDY)
    of_tomogram = dict(iter(table.groupby("tomogram", sort=False)))
    table = pd.concat([of_tomogram.get(s.origin.tomogram, table[:0]) for s in dataset.shards])
    pairs = ((table["tomogram"], dataset.tomograms), (table["label"], dataset.labels),
             (table["pdb_id"], dataset.pdb_ids))  # fmt: skip
    if not all(np.array_equal(ours.to_numpy(), theirs) for ours, theirs in pairs):
        message = f"{path}: does not match the subtomograms in {dataset.shards[0].path.parent}"
        raise DataError(f"{message}; give the split of these, or make it again")
    parts = table["split"].to_numpy()
    if not np.isin(parts, (*PARTS, UNUSED)).all():
        raise DataError(f"{path}: has unknown parts; {_REMEDY}")
    return {part: np.flatnonzero(parts == part) for part in PARTS}
