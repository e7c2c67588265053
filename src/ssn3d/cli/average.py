"""`ssn3d average`."""

import argparse
from pathlib import Path

from ssn3d.averaging.classes import average_classes
from ssn3d.averaging.options import AverageOptions
from ssn3d.averaging.steps import Inputs, average_particles
from ssn3d.cli.table_options import table_options
from ssn3d.core.log import logger
from ssn3d.io.files import check_utf8
from ssn3d.io.mrc import read_mrc
from ssn3d.report.figures.average import draw_average


def run(arguments: argparse.Namespace) -> None:
    """Align and average the particles of a tomogram, and draw the average."""
    check_utf8(arguments.tomogram, "rename the file or its folder; tables name it")
    folder = Path(arguments.output)
    own = arguments.masks not in {"sphere", "none"}
    inputs = Inputs(
        particles=arguments.particles,
        tomogram=arguments.tomogram,
        labels=arguments.masks if own else None,
        reference=arguments.reference,
        truth=arguments.truth,
    )
    options = AverageOptions(
        diameter_angstrom=arguments.diameter,
        symmetry=arguments.symmetry,
        voxel_size_angstrom=arguments.voxel_size,
        protein=arguments.protein,
        masked="sphere" if own else arguments.masks,
        average_masked=arguments.average_masked,
        tilt_range_deg=tuple(arguments.tilts),
        first_resolution_angstrom=arguments.first_resolution,
        max_shift_angstrom=arguments.max_shift,
        rounds=arguments.rounds,
        box_voxels=arguments.box,
        seed=arguments.seed,
        table=table_options(arguments),
    )
    if arguments.classes > 1:
        curves = average_classes(inputs, folder, options, arguments.classes)
    else:
        curves = {folder: average_particles(inputs, folder, options)}
    for where, fsc in curves.items():
        volume, voxel_size_angstrom = read_mrc(where / "average.mrc")
        draw_average(volume, voxel_size_angstrom, fsc, figure=where / "average.png")
        logger.info("%s: average.mrc, half maps, FSC, aligned particles and average.png", where)
