import argparse
from pathlib import Path

from ssn3d.cli import options

DESCRIPTION = "align and average particles of a tomogram, its missing wedge taken into account"
EXAMPLE = """ssn3d average picks.star --tomogram tomogram.mrc --diameter 190 --output groel \\
      --symmetry D7 --masks groel_instances.mrc"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("particles", help="table of particle positions (STAR, CSV, JSON, ...)")
    tomogram = "tomogram of any MRC mode and contrast; tilt axis along y"
    add("--tomogram", required=True, metavar="MRC", help=tomogram)
    holds = "diameter in angstrom of a sphere that holds a particle"
    add("--diameter", required=True, type=options.angstrom, metavar="A", help=holds)
    folder = "folder for average.mrc, fsc.csv and others"
    add("--output", required=True, metavar="FOLDER", help=folder)
    options.add_table_options(add, "tomogram name in the table (default: from the file name)")
    options.add_voxel_size_and_contrast(add)
    group = "point group, Cn or Dn: n-fold axis z, two-fold axis x (default C1)"
    add("--symmetry", type=str.upper, default="C1", metavar="GROUP", help=group)
    masks = "masks for the alignment: sphere (default), none, or MRC file; label i is of particle i"
    add("--masks", default="sphere", help=masks)
    masked = "average the masked particles (default: masks are used for the alignment only)"
    add("--average-masked", action="store_true", help=masked)
    classes = "number of classes; each is averaged (default 1)"
    add("--classes", type=options.count, default=1, metavar="K", help=classes)
    add("--reference", metavar="MRC", help="first reference (default: made from the particles)")
    add("--truth", metavar="MRC", help="map with which the average is compared")
    tilts = "lowest and highest tilt; tilt a records (x, z) = (cos a, sin a) (default -60 60)"
    add("--tilts", nargs=2, type=options.tilt_deg, default=(-60.0, 60.0), metavar="DEG", help=tilts)
    first = "resolution of the first reference in angstrom (default 50)"
    add("--first-resolution", default=50.0, type=options.angstrom, metavar="A", help=first)
    shift = "maximum shift from the positions given, in angstrom (default 30)"
    add("--max-shift", type=options.shift_angstrom, default=30.0, metavar="A", help=shift)
    halves = "rounds in which each half set is aligned to its own average (default 2)"
    add("--rounds", type=options.rounds, default=2, metavar="N", help=halves)
    edge = "edge of the boxes in voxels (default 1.5 diameters)"
    add("--box", type=options.box_voxels, metavar="N", help=edge)
    add("--threads", type=options.count, metavar="N", help="threads (default: all cores)")
    add("--seed", type=options.seed, default=0, help="seed of random numbers (default 0)")


def run(arguments: argparse.Namespace) -> None:
    from ssn3d.averaging.classes import average_classes
    from ssn3d.averaging.options import AverageOptions
    from ssn3d.averaging.steps import Inputs, average_particles
    from ssn3d.core.log import logger
    from ssn3d.core.threads import available_cores
    from ssn3d.io.files import check_utf8
    from ssn3d.io.mrc import read_mrc
    from ssn3d.report.figures.average import average_figure
    from ssn3d.report.figures.style import save

    check_utf8(arguments.tomogram, "rename the file or its folder; tables name it")
    folder = Path(arguments.output)
    has_labels = arguments.masks not in {"sphere", "none"}
    inputs = Inputs(
        particles=arguments.particles,
        tomogram=arguments.tomogram,
        labels=arguments.masks if has_labels else None,
        reference=arguments.reference,
        truth=arguments.truth,
    )
    how = AverageOptions(
        diameter_angstrom=arguments.diameter,
        symmetry=arguments.symmetry,
        voxel_size_angstrom=arguments.voxel_size,
        protein=arguments.protein,
        masked="sphere" if has_labels else arguments.masks,
        average_masked=arguments.average_masked,
        tilt_range_deg=tuple(arguments.tilts),
        first_resolution_angstrom=arguments.first_resolution,
        max_shift_angstrom=arguments.max_shift,
        rounds=arguments.rounds,
        box_voxels=arguments.box,
        seed=arguments.seed,
        threads=arguments.threads or available_cores(),
        table=options.table_options(arguments),
    )
    if arguments.classes > 1:
        curves = average_classes(inputs, folder, how, arguments.classes)
    else:
        curves = {folder: average_particles(inputs, folder, how)}
    for where, fsc in curves.items():
        save(average_figure(*read_mrc(where / "average.mrc"), fsc), where / "average.png")
        logger.info("%s: average.mrc, half maps, FSC, aligned particles and average.png", where)
