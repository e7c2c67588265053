"""Which particles become subtomograms: drawn at random, a table of them, and its digest."""

import hashlib
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ssn3d.crops import lies_inside
from ssn3d.csv_files import read_csv
from ssn3d.errors import DataError
from ssn3d.particles import Particles


def choose(
    particles_of_tomograms: Sequence[Particles],
    size: int,
    shape: tuple[int, int, int],
    count: int,
    rng: np.random.Generator,
    *,
    balanced: bool,
) -> list[NDArray[np.int_]]:
    """Draw `count` particles whose crops lie inside: their rows in each tomogram, ascending.

    With `balanced`, all particles of rare classes are taken, and the others share the rest equally.

    Raises:
        DataError: fewer lie inside than asked for.
    """
    inside = [
        np.flatnonzero(lies_inside(particles.centres, size, shape))
        for particles in particles_of_tomograms
    ]
    tomogram = np.repeat(np.arange(len(inside)), [len(rows) for rows in inside])
    row = np.concatenate(inside)
    if len(row) < count:
        raise DataError(
            f"subtomograms.count: {count} asked for, {len(row)} crops of {size} voxels lie inside; "
            "ask for fewer, or for more particles (specimen.particles) or tomograms (tomograms)"
        )
    order = rng.permutation(len(row))
    if balanced:
        classes = np.concatenate(
            [p.pdb_ids[rows] for p, rows in zip(particles_of_tomograms, inside, strict=True)]
        )
        rank_in_class = pd.Series(classes[order]).groupby(classes[order]).cumcount()
        order = order[np.argsort(rank_in_class, kind="stable")]
    chosen = np.sort(order[:count])
    return [row[chosen[tomogram[chosen] == t]] for t in range(len(inside))]


def read_selection(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Read the table of `select_particles`. Raises DataError where it is damaged."""
    return read_csv(path, {"tomogram": str, "label": np.int64, "pdb_id": str})


def selection_sha256(
    tomograms: NDArray[np.str_], labels: NDArray[np.integer[Any]], pdb_ids: NDArray[np.str_]
) -> str:
    """SHA-256 of the selected particles in order, from columns (n,) of the table or a dataset.

    It ties splits to datasets: all datasets and splits of one selection have the same.
    """
    rows = zip(tomograms.tolist(), labels.tolist(), pdb_ids.tolist(), strict=True)
    text = "".join(f"{tomogram},{label},{pdb_id}\n" for tomogram, label, pdb_id in rows)
    return hashlib.sha256(text.encode()).hexdigest()
