"""Work on your own tomograms; facts about networks, this machine and finished runs.

Snakemake runs the experiment itself.
"""

import argparse
import importlib
import io
import os
import sys
from collections.abc import Sequence
from typing import Any

from ssn3d import __version__
from ssn3d.cli import option_types as kinds

_ANYWHERE = {"networks": "print each network and its number of parameters"}
_OF_AN_EXPERIMENT = {
    "doctor": "report what this machine has, how long the experiment takes, and what is missing",
    "tables": "print Tables 2 and 3 beside the paper's, from all finished runs",
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ssn3d", description=__doc__)
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(
        title="commands", dest="command", required=True, metavar="COMMAND"
    )
    for name, described in (_ANYWHERE | _OF_AN_EXPERIMENT).items():
        command = commands.add_parser(name, help=described, description=described)
        if name in _ANYWHERE:
            continue
        command.add_argument(
            "--config",
            nargs="+",
            default=["config.yaml"],
            metavar="FILE",
            help="configuration files; later ones override earlier ones (default config.yaml)",
        )
        command.add_argument("--results", default="results", help="folder (default results)")
        command.add_argument(
            "--resources", default="resources", help="folder of facts (default resources)"
        )
    _add_pick(commands)
    _add_score(commands)
    _add_models(commands)
    _add_segment(commands)
    _add_average(commands)
    return parser


def _add_models(commands: Any) -> None:
    """Add `ssn3d models`."""
    does = "list the trained networks that come with the package, or print the card of one"
    command = _with_example(commands, "models", does, "ssn3d models")
    command.add_argument("name", nargs="?", help="a model, to print its card")


def _add_segment(commands: Any) -> None:
    """Add `ssn3d segment`."""
    does = "segment a tomogram of your own into particles and the rest, or the particles picked"
    example = (
        "ssn3d segment tomogram.mrc --output segmented\n"
        "  ssn3d segment tomogram.mrc --output segmented --particles picks.star --masked"
    )
    command = _with_example(commands, "segment", does, example)
    add = command.add_argument
    add("tomogram", help="MRC, TIFF, EM or OME-Zarr, of any contrast; tilt axis along y")
    add("--output", required=True, metavar="FOLDER", help="for NAME_labels.mrc and others")
    add("--model", help="a name (see `ssn3d models`) or a file of weights (default: the best)")
    add(
        "--voxel-size",
        type=kinds.angstrom,
        metavar="A",
        help="in angstrom, instead of the header's",
    )
    add("--particles", metavar="FILE", help="table of picks: segment the target of each instead")
    _add_table_options(add, "tomogram name in the table (default: from the file's)")
    add("--masked", action="store_true", help="with picks, write masked subtomograms too")
    add(
        "--threshold",
        type=kinds.probability,
        default=0.5,
        help="probability of structure (default 0.5)",
    )
    add("--protein", choices=("auto", "dark", "bright"), default="auto", help="(default auto)")
    add("--device", choices=("auto", "cpu", "cuda"), default="auto", help="(default auto)")


def _add_pick(commands: Any) -> None:
    """Add `ssn3d pick`."""
    does = "pick particles in a tomogram, or in a segmentation of it"
    example = (
        "ssn3d pick tomogram.mrc --output picks.star --diameter 150\n"
        "  ssn3d pick tomogram_probability.mrc --output picks.star --method segmentation"
    )
    add = _with_example(commands, "pick", does, example).add_argument
    add("tomogram", help="volume; with --method segmentation, of probabilities or labels")
    add("--output", required=True, metavar="FILE", help="picks.star, .csv or (copick) .json")
    add("--method", choices=("dog", "segmentation"), default="dog", help="(default dog)")
    add("--diameter", type=kinds.angstrom, metavar="A", help="dog: of the particles, in angstrom")
    smallest = "segmentation: diameter of the smallest particle (default 40)"
    add("--smallest", type=kinds.angstrom, metavar="A", default=40.0, help=smallest)
    add(
        "--threshold", type=kinds.finite, metavar="T", help="least score (default: found, and said)"
    )
    add("--max", type=kinds.count, metavar="N", help="not more than the N best")
    apart = "least distance of two picks, in angstrom (default with dog: 0.75 diameters)"
    add("--distance", type=kinds.angstrom, metavar="A", help=apart)
    add("--mask", metavar="MRC", help="no picks where it is 0, nor a say in the threshold")
    add("--protein", choices=("auto", "dark", "bright"), default="auto", help="(default auto)")
    add(
        "--voxel-size",
        type=kinds.angstrom,
        metavar="A",
        help="in angstrom, instead of the header's",
    )
    add("--relion", type=int, choices=(4, 5), default=5, help="form of STAR: 4 is Warp's (5)")
    pixel = "pixel size of the tilt series in angstrom, if the tomogram is binned; for --relion 4"
    _add_table_options(add, "tomogram name in the output (default: from the file's)", pixel)


def _add_table_options(add: Any, named: str, pixel: str = "") -> None:
    """Add the name, units and offset of a tomogram in tables of particles."""
    pixel = pixel or "unit of coordinates in pixels, in angstrom (default: as the table states)"
    listed = "RELION's tomograms.star: size and pixel size of the unbinned tomogram"
    first = "first voxel (x y z) of a cropped tomogram in the whole one (with --tomograms)"
    add("--name", help=named)
    add("--tomograms", metavar="STAR", help=listed)
    add("--pixel-size", type=kinds.angstrom, metavar="A", help=pixel)
    offsets: dict[str, Any] = {"type": kinds.finite, "default": (0.0, 0.0, 0.0)}
    add("--offset", nargs=3, metavar="N", help=first, **offsets)


def _add_score(commands: Any) -> None:
    """Add `ssn3d score`."""
    does = "score picks, a segmentation, or masks of subtomograms against the truth"
    example = (
        "ssn3d score picks.star --truth particles.star --tomogram tomogram.mrc --distance 60\n"
        "  ssn3d score tomogram_probability.mrc --truth labels.mrc\n"
        "  ssn3d score mine.h5 --truth results/subtomograms/A/*.h5 --split "
        "results/splits/random.csv \\\n      --name Mine --trained-on A --output mine_A"
    )
    command = _with_example(commands, "score", does, example)
    add = command.add_argument
    add("picks", help="table of particles (STAR, CSV, JSON, ...), volume, or masks (.h5)")
    true = "table or MRC file to compare with; for masks, all shards of a dataset"
    add("--truth", required=True, nargs="+", metavar="FILE", help=true)
    near = "a pick counts within it, in angstrom (default: a quarter of --diameter)"
    add("--distance", type=kinds.angstrom, metavar="A", help=near)
    add("--diameter", type=kinds.angstrom, metavar="A", help="of the particles, in angstrom")
    where = "MRC file or tomograms.star: particles outside do not count; needed for RELION 5"
    add("--tomogram", metavar="FILE", help=where)
    add(
        "--voxel-size",
        type=kinds.angstrom,
        metavar="A",
        help="of the tomogram, instead of the header's",
    )
    named = "tomogram name in the tables (default: from --tomogram); of masks, the method's name"
    unit = "unit of the picks' coordinates in pixels, in angstrom (default: as the table states)"
    _add_table_options(add, named, unit)
    voxels = "of MRC files: least value that counts as structure (default 0.5)"
    add("--threshold", type=kinds.finite, default=0.5, help=voxels)
    masks = command.add_argument_group("masks of subtomograms (docs/leaderboard.md)").add_argument
    masks("--split", metavar="CSV", help="says which subtomograms are scored")
    masks("--output", metavar="FOLDER", help="for tables of scores, and run.json")
    masks("--trained-on", default="", metavar="DATA", help="datasets, in the leaderboard")
    masks("--parameters", type=kinds.count, metavar="N", help="that the method has")
    masks("--milliseconds", type=kinds.positive, metavar="T", help="that a subtomogram takes")


def _add_average(commands: Any) -> None:
    """Add `ssn3d average`."""
    does = "align and average particles of a tomogram, its missing wedge taken into account"
    example = (
        "ssn3d average picks.star --tomogram tomogram.mrc --diameter 190 --output groel \\\n"
        "    --symmetry D7 --masks groel_instances.mrc"
    )
    command = _with_example(commands, "average", does, example)
    add = command.add_argument
    add("particles", help="table of particle positions (STAR, CSV, JSON, ...)")
    _add_table_options(add, "tomogram name in the table (default: from the file's)")
    add(
        "--voxel-size",
        type=kinds.angstrom,
        metavar="A",
        help="in angstrom, instead of the header's",
    )
    add("--protein", choices=("auto", "dark", "bright"), default="auto", help="(default auto)")
    add("--tomogram", required=True, metavar="MRC", help="any mode and contrast; tilt axis along y")
    holds = "diameter of a sphere that holds a particle, in angstrom"
    add("--diameter", required=True, type=kinds.angstrom, metavar="A", help=holds)
    add("--output", required=True, metavar="FOLDER", help="for average.mrc, fsc.csv and others")
    group = "Cn or Dn: n-fold axis z, two-fold axis x (default C1)"
    add("--symmetry", type=kinds.point_group, default="C1", help=group)
    masks = "what is aligned: sphere, none, or an MRC file whose label i is particle i"
    add("--masks", default="sphere", help=f"{masks} (default sphere)")
    also = "average the particles as masked, too (default: masks only decide what is aligned)"
    add("--average-masked", action="store_true", help=also)
    classes = "divide the particles into K shapes, and average each (default 1)"
    add("--classes", type=kinds.count, default=1, metavar="K", help=classes)
    add("--reference", metavar="MRC", help="start from this map (default: from the particles)")
    add("--truth", metavar="MRC", help="a map to compare the average with")
    tilts = "lowest and highest tilt; tilt a records (x, z) = (cos a, sin a) (default -60 60)"
    angles: dict[str, Any] = {"type": kinds.tilt_deg, "action": kinds.Ascending}
    add("--tilts", nargs=2, default=(-60.0, 60.0), metavar="DEG", help=tilts, **angles)
    first = "of the first reference, in angstrom (default 50)"
    add("--first-resolution", type=kinds.angstrom, default=50.0, metavar="A", help=first)
    shift = "from the positions given, in angstrom (default 30)"
    add("--max-shift", type=kinds.shift_angstrom, default=30.0, metavar="A", help=shift)
    halves = "rounds in which each half set is aligned to its own average (default 2)"
    add("--rounds", type=kinds.rounds, default=2, metavar="N", help=halves)
    edge = "edge of boxes in voxels (default 1.5 diameters)"
    add("--box", type=kinds.box_voxels, metavar="N", help=edge)
    add("--seed", type=kinds.seed, default=0, help="of random numbers (default 0)")


def _with_example(commands: Any, name: str, does: str, example: str) -> argparse.ArgumentParser:
    """Add a command whose help ends with an example."""
    command: argparse.ArgumentParser = commands.add_parser(
        name,
        help=does,
        description=does,
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    return command


def main(argv: Sequence[str] | None = None) -> None:
    """Run one command; import its module only now, since some take a second or more."""
    os.environ["MPLBACKEND"] = "agg"  # a notebook's would be inherited; figures go to files
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # names of files that are not UTF-8
    arguments = _parser().parse_args(sys.argv[1:] if argv is None else argv)
    command = importlib.import_module(f"ssn3d.cli.{arguments.command}")
    job = importlib.import_module("ssn3d.core.log").job
    with job():
        try:
            command.run(arguments)
            sys.stdout.flush()
        except BrokenPipeError:  # whoever reads the output has seen enough, as `head` has
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
