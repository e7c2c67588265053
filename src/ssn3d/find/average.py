"""Average of the picks of a target, as a check of them: does it look like the target?"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ssn3d.core.errors import DataError
from ssn3d.core.log import logger
from ssn3d.io.files import PathLike, write_text
from ssn3d.io.tomogram import voxel_size_of
from ssn3d.io.volumes import open_volume
from ssn3d.recovery.average import average_picks
from ssn3d.recovery.particle_stack import Source
from ssn3d.recovery.settings import AverageSettings
from ssn3d.report.figures.average import draw_recovered_average, reason_figure
from ssn3d.report.figures.style import save
from ssn3d.structures.steps import render_structure
from ssn3d.structures.structure import read_structure

_FIRST_RESOLUTION_VOXELS = 5.0
_SHIFT_OF_DIAMETER = 0.25


def average_target(
    sources: Sequence[Source],
    structure: PathLike,
    *,
    folder: PathLike,
    figure: PathLike,
    seed: int,
    threads: int,
) -> None:
    """Average the picks of one target in all tomograms, and draw the average.

    The first reference is made of the picks, so that the average owes nothing to the structure.
    Picks that are too few, or in tomograms that cannot be averaged together, are no error: the
    reason is logged, and stands in the figure and in {folder}/no_average.txt.

    The folder gets the files of `average_picks`, and structure.mrc, a map of the target's file
    `structure`, with which the average is compared; the figure is a PNG file.
    """
    first = sources[0].sample
    voxel_size_angstrom = voxel_size_of(open_volume(first.file), first.voxel_size_angstrom)[0]
    target = read_structure(structure)
    diameter = 2 * float(np.linalg.norm(target.points_angstrom, axis=1).max())
    settings = AverageSettings(
        pdb_id=target.pdb_id,
        diameter_angstrom=diameter,
        symmetry="C1",
        reference=None,
        masks="sphere",
        first_resolution_angstrom=_FIRST_RESOLUTION_VOXELS * voxel_size_angstrom,
        max_shift_angstrom=_SHIFT_OF_DIAMETER * diameter,
        rounds=2,
    )
    truth = Path(folder) / "structure.mrc"
    render_structure(structure, voxel_size_angstrom, 2 * voxel_size_angstrom, truth)
    try:
        average_picks(sources, settings, folder, seed=seed, threads=threads, truth=truth)
    except DataError as error:
        logger.warning("%s is not averaged: %s", target.pdb_id, error)
        write_text(Path(folder) / "no_average.txt", f"{error}\n")
        save(reason_figure(f"{target.pdb_id} is not averaged: {error}"), figure)
        return
    draw_recovered_average(folder, settings, figure=figure, truth=truth)
