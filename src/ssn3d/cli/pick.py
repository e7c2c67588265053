import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ssn3d.cli import options

if TYPE_CHECKING:
    from ssn3d.recovery.pick import Sizes

DESCRIPTION = "pick particles in a tomogram, or in a segmentation of it"
EXAMPLE = """ssn3d pick tomogram.mrc --output picks.star --diameter 150
  ssn3d pick tomogram.mrc --output picks.star --diameter 150 --probability tomogram_probability.mrc
  ssn3d pick tomogram_probability.mrc --output picks.star --method segmentation"""
_RELION_4, _RELION_5 = 4, 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("tomogram", help="volume; with --method segmentation, probabilities or labels")
    add("--output", required=True, metavar="FILE", help="picks.star, .csv or (copick) .json")
    method = "difference of Gaussians in a tomogram (default), or regions of a segmentation"
    add("--method", choices=("dog", "segmentation"), default="dog", help=method)
    diameter = (
        "particle diameter in angstrom: required for dog; for segmentation, peaks of this size are "
        "picked instead of regions of any size"
    )
    add("--diameter", type=options.angstrom, metavar="A", help=diameter)
    probability = (
        "dog: probability of macromolecule that `ssn3d segment` wrote for this tomogram; scores "
        "are multiplied by its mean around a pick, which is dropped if that is below 0.1"
    )
    add("--probability", metavar="FILE", help=probability)
    smallest = "diameter of the smallest particle in angstrom, for segmentation (default 40)"
    add("--smallest", type=options.angstrom, metavar="A", help=smallest)
    largest = "diameter of the largest particle in angstrom, for segmentation (default: no limit)"
    add("--largest", type=options.angstrom, metavar="A", help=largest)
    threshold = (
        "dog: minimum score (default: estimated, logged); segmentation: minimum probability of a "
        "voxel (0.5) or, with --diameter, minimum score (0.25)"
    )
    add("--threshold", type=options.finite, metavar="T", help=threshold)
    most = "maximum number of picks; the best are kept"
    add("--max", type=options.count, metavar="N", help=most)
    distance = "minimum distance of two picks in angstrom (default: 0.75 of --diameter, if given)"
    add("--distance", type=options.angstrom, metavar="A", help=distance)
    mask = "voxels that are 0 in this mask are ignored, in picking and in estimating the threshold"
    add("--mask", metavar="MRC", help=mask)
    options.add_voxel_size_and_contrast(add)
    options.add_keep_vacuum(add)
    dialect = "STAR dialect to write: 4 (RELION 4, Warp, M) or 5 (default)"
    add("--relion", type=int, choices=(_RELION_4, _RELION_5), default=_RELION_5, help=dialect)
    pixel_size = "pixel size of the tilt series in angstrom, for a binned tomogram and --relion 4"
    name = "tomogram name in the output (default: from the file name)"
    options.add_table_options(add, name, pixel_size)


def run(arguments: argparse.Namespace) -> None:
    from ssn3d.io.particles.relion import write_import_list
    from ssn3d.io.volumes import open_volume
    from ssn3d.picking.pick import Choice
    from ssn3d.recovery.pick import pick_particles

    sizes = _sizes(arguments)
    if arguments.method == "segmentation":
        _check_segmentation_options(arguments)
    mask = None if arguments.mask is None else open_volume(arguments.mask).read(slice(None))
    output = Path(arguments.output)
    table = pick_particles(
        arguments.tomogram,
        output,
        arguments.method,
        sizes,
        Choice(arguments.threshold, arguments.max, arguments.distance, mask),
        voxel_size_angstrom=arguments.voxel_size,
        protein=arguments.protein,
        table=options.table_options(arguments),
        relion=arguments.relion,
        keep_vacuum=arguments.keep_vacuum,
        probability=arguments.probability,
    )
    print(f"{arguments.output}: {len(table)} particles")
    if output.suffix.lower() == ".star":
        listed = output.with_name(f"{output.stem}_import.star")
        listed.unlink(missing_ok=True)  # of earlier picks
        if len(table) and arguments.relion == _RELION_5:
            write_import_list(listed, str(table.tomograms[0]), str(output.absolute()))
            print(f"{listed}: for RELION 5's import of coordinates")


def _check_segmentation_options(arguments: argparse.Namespace) -> None:
    """Raise DataError for options of the other method, and a threshold that is no probability."""
    from ssn3d.core.errors import DataError

    if arguments.protein != "auto" or arguments.keep_vacuum or arguments.probability:
        raise DataError(
            "--protein, --keep-vacuum and --probability are for --method dog; omit them"
        )
    threshold = arguments.threshold
    if threshold is not None and arguments.diameter is None and not 0 < threshold <= 1:
        raise DataError(
            f"--threshold {threshold:g}: without --diameter it is a voxel's probability; give one "
            "above 0 and at most 1"
        )


def _sizes(arguments: argparse.Namespace) -> "Sizes":
    """Return the given diameters. Raises DataError if they do not fit the method or each other."""
    from ssn3d.core.errors import DataError
    from ssn3d.recovery.pick import Sizes

    given = {"smallest": arguments.smallest, "largest": arguments.largest}
    given = {name: size for name, size in given.items() if size is not None}
    if arguments.method == "dog" and arguments.diameter is None:
        raise DataError("no --diameter: give the particles' diameter in angstrom")
    if given and (arguments.method == "dog" or arguments.diameter is not None):
        raise DataError(
            "--smallest and --largest limit the regions of a segmentation; omit them or give "
            "--method segmentation without --diameter"
        )
    sizes = Sizes(arguments.diameter, **given)
    if sizes.smallest >= sizes.largest:
        raise DataError(
            f"--largest, {sizes.largest:g} A, is not above --smallest, {sizes.smallest:g} A"
        )
    return sizes
