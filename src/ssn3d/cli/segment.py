import argparse

from ssn3d.cli import options

DESCRIPTION = "segment a whole tomogram, or the particle at each pick"
EXAMPLE = """ssn3d segment tomogram.mrc --output segmented
  ssn3d segment tomogram.mrc --output segmented --particles picks.star --masked"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("tomogram", help="MRC, TIFF, EM or OME-Zarr, of any contrast; tilt axis along y")
    add("--output", required=True, metavar="FOLDER", help="folder for NAME_labels.mrc and others")
    model = "model name, or file of weights (default: as marked by `ssn3d models`)"
    add("--model", help=model)
    add("--particles", metavar="FILE", help="table of picks; segment the particle at each of them")
    options.add_table_options(add, "tomogram name in the table (default: from the file name)")
    add("--masked", action="store_true", help="with --particles: write masked subtomograms, too")
    threshold = "minimum probability of a labelled voxel (default 0.5)"
    add("--threshold", type=options.probability, default=0.5, help=threshold)
    every = "write the probability of each class, not only of macromolecules and membranes"
    add("--all-probabilities", action="store_true", help=every)
    options.add_voxel_size_and_contrast(add)
    options.add_keep_vacuum(add)
    device = "processor for the network (default auto: a GPU if there is one)"
    add("--device", choices=("auto", "cpu", "cuda"), default="auto", help=device)


def run(arguments: argparse.Namespace) -> None:
    from ssn3d.core.classes import CLASSES, MEMBRANE
    from ssn3d.core.errors import DataError
    from ssn3d.io.particles.of_tomogram import TableOptions, read_particles_of
    from ssn3d.io.tomogram import open_tomogram
    from ssn3d.models.card import Target, default_model
    from ssn3d.models.shipped import load_model
    from ssn3d.recovery.segment import segment_picks, segment_whole

    table = options.table_options(arguments)
    if arguments.particles is None and (arguments.masked or table != TableOptions()):
        given = "--masked, --name, --tomograms, --pixel-size and --offset"
        raise DataError(f"{given} are for picked particles; give them with --particles")
    if arguments.particles is not None and (arguments.all_probabilities or arguments.keep_vacuum):
        given = "--all-probabilities and --keep-vacuum"
        raise DataError(f"{given} are for whole tomograms; omit them with --particles")
    target: Target = "all" if arguments.particles is None else "centred"
    model = load_model(arguments.model or default_model(target), target)
    tomogram = open_tomogram(arguments.tomogram, arguments.voxel_size, arguments.protein)
    network = {"device": arguments.device, "threshold": arguments.threshold}
    if arguments.particles is None:
        others = CLASSES if arguments.all_probabilities else (CLASSES[MEMBRANE],)
        segment_whole(
            *(tomogram, model, arguments.output),
            others=others,
            keep_vacuum=arguments.keep_vacuum,
            **network,
        )
    else:
        centres = read_particles_of(arguments.particles, tomogram, table).particles.centres
        segment_picks(
            *(tomogram, centres, model, arguments.output), masked=arguments.masked, **network
        )
