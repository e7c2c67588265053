"""Averages of the particles of a tomogram by class, from files to files."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ssn3d.averaging.classify import check_number, classify
from ssn3d.averaging.options import AverageOptions
from ssn3d.averaging.steps import Inputs, Prepared, average_prepared, first_reference, prepare
from ssn3d.core.errors import DataError
from ssn3d.core.log import logger
from ssn3d.core.seeds import generator
from ssn3d.io.files import PathLike
from ssn3d.io.particles.files import write_particle_table
from ssn3d.io.particles.table import ParticleTable
from ssn3d.io.tables import write_csv


def average_classes(
    inputs: Inputs, folder: PathLike, options: AverageOptions, classes: int
) -> dict[Path, pd.DataFrame]:
    """Divide the particles of a tomogram into classes, and average each.

    Writes the files of `average_particles` to class1, class2, ... in the folder, the largest class
    first; for all classes particles.star, in the order of the input, with `rlnClassNumber`, and
    classes.csv with the number of particles of each.

    Returns:
        The FSC of each class, by its folder.

    Raises:
        DataError: as in `average_particles`, a class is left with fewer than four particles, or
            the folder has more classes of an earlier run.
        WriteError: a file cannot be written.
    """
    stale = Path(folder) / f"class{classes + 1}"
    if stale.exists():
        raise DataError(f"{stale}: of an earlier run with more classes; give another --output")
    rng = generator(options.seed, "average")
    prepared = prepare(inputs, options)
    check_number(len(prepared.table), classes)
    reference = first_reference(inputs.reference, prepared, options, rng)
    found = classify(prepared.stack, reference, classes, rng)
    curves: dict[Path, pd.DataFrame] = {}
    tables, members = [], []
    for number in range(1, classes + 1):
        in_class = np.flatnonzero(found.numbers == number)
        rows = found.rows[in_class]
        logger.info("class %d: %d of %d particles", number, len(rows), len(found.rows))
        shape = prepared.stack.average(rows, found.poses[in_class])
        where = Path(folder) / f"class{number}"
        part = prepared[rows]
        curves[where], aligned, left = average_prepared(part, shape, where, options.rounds, rng)
        tables.append(aligned)
        members.append(rows[left])
    _write_all(Path(folder), prepared, members, tables)
    counts = {"class": range(1, classes + 1), "particles": [len(rows) for rows in members]}
    write_csv(Path(folder) / "classes.csv", pd.DataFrame(counts))
    return curves


def _write_all(
    folder: Path,
    prepared: Prepared,
    members: Sequence[NDArray[np.int_]],
    tables: Sequence[ParticleTable],
) -> None:
    """Write the aligned particles of all classes in the order of their rows in the input."""
    order = np.argsort(np.concatenate(members))
    numbers = np.repeat(np.arange(1, len(members) + 1), [len(rows) for rows in members])
    table = replace(ParticleTable.joined(tables), class_numbers=numbers)[order]
    write_particle_table(folder / "particles.star", table, prepared.frames, tomogram="")
