"""Average the particles of a tomogram by class: from files to files."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ssn3d.averaging.classify import classify
from ssn3d.averaging.steps import (
    AverageOptions,
    Inputs,
    Prepared,
    average_prepared,
    first_reference,
    prepare,
)
from ssn3d.csv_files import write_csv
from ssn3d.files import PathLike
from ssn3d.log import logger
from ssn3d.particle_tables.files import write_particle_table
from ssn3d.particle_tables.table import ParticleTable
from ssn3d.particles import joined
from ssn3d.seeds import generator


def average_classes(
    inputs: Inputs, folder: PathLike, options: AverageOptions, classes: int
) -> dict[Path, pd.DataFrame]:
    """Divide the particles of a tomogram into classes, and average each.

    Writes what `average_particles` writes to class1, class2, ... in the folder, the largest class
    first; and for all together particles.star, in the order of the file given, with
    `rlnClassNumber`, and classes.csv with the number of particles of each.

    Returns:
        the FSC of each class, by its folder.

    Raises:
        DataError: as `average_particles`, or a class is left with fewer than four particles.
        WriteError: a file cannot be written.
    """
    rng = generator(options.seed, "average")
    prepared = prepare(inputs, options)
    reference = first_reference(inputs, prepared, options, rng)
    numbers, poses = classify(prepared.stack, reference, classes, rng)
    members = [np.flatnonzero(numbers == number) for number in range(1, classes + 1)]
    curves, tables = {}, []
    for number, own in enumerate(members, 1):
        logger.info("class %d: %d of %d particles", number, len(own), len(numbers))
        shape = prepared.stack.average(own, poses[own])
        where = Path(folder) / f"class{number}"
        part = prepared[own]
        curves[where], aligned = average_prepared(part, shape, where, options.rounds, rng)
        tables.append(aligned)
    _write_all(Path(folder), prepared, numbers, tables)
    counts = {"class": range(1, classes + 1), "particles": [len(own) for own in members]}
    write_csv(Path(folder) / "classes.csv", pd.DataFrame(counts))
    return curves


def _write_all(
    folder: Path,
    prepared: Prepared,
    numbers: NDArray[np.int_],
    tables: Sequence[ParticleTable],
) -> None:
    """Write the aligned particles of all classes in their first order."""
    order = np.argsort(np.argsort(numbers, kind="stable"))
    particles = joined([table.particles for table in tables])[order]
    scores = np.concatenate([table.scores for table in tables])[order]
    tomogram = prepared.tomogram
    names = np.full(len(particles), tomogram.name)
    together = ParticleTable(names, particles, scores, oriented=True, class_numbers=numbers)
    star = folder / "particles.star"
    write_particle_table(star, together, prepared.frame, tomogram=tomogram.name)
