"""Facts about networks, this machine and finished runs. Snakemake runs the experiment itself."""

import argparse
import importlib
import sys
from collections.abc import Sequence
from typing import Any

from ssn3d import __version__

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
    _add_average(commands)
    return parser


def _add_average(commands: Any) -> None:
    """Add `ssn3d average`."""
    does = "align and average particles of a tomogram, its missing wedge taken into account"
    example = (
        "ssn3d average picks.star --tomogram tomogram.mrc --diameter 190 --output groel \\\n"
        "    --symmetry D7 --masks groel_instances.mrc"
    )
    command = _with_example(commands, "average", does, example)
    add = command.add_argument
    add("particles", help="STAR file of their positions")
    add("--tomogram", required=True, metavar="MRC", help="protein dark, tilt axis along y")
    add("--diameter", required=True, type=float, metavar="A", help="sphere that holds a particle")
    add("--output", required=True, metavar="FOLDER", help="for average.mrc, fsc.csv and others")
    add("--symmetry", default="C1", help="Cn or Dn: n-fold axis z, two-fold axis x (default C1)")
    masks = "what is aligned: sphere, none, or an MRC file whose label i is particle i"
    add("--masks", default="sphere", help=f"{masks} (default sphere)")
    add("--reference", metavar="MRC", help="start from this map (default: from the particles)")
    add("--truth", metavar="MRC", help="a map to compare the average with")
    tilts = "lowest and highest tilt (default -60 60)"
    add("--tilts", nargs=2, type=float, default=(-60.0, 60.0), metavar="DEG", help=tilts)
    first = "of the first reference, in angstrom (default 50)"
    add("--first-resolution", type=float, default=50.0, metavar="A", help=first)
    shift = "from the positions given, in angstrom (default 30)"
    add("--max-shift", type=float, default=30.0, metavar="A", help=shift)
    add("--rounds", type=int, default=2, help="half sets aligned to their own average (default 2)")
    add("--box", type=int, metavar="N", help="edge of boxes in voxels (default 1.5 diameters)")
    add("--seed", type=int, default=0, help="(default 0)")


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
    arguments = _parser().parse_args(sys.argv[1:] if argv is None else argv)
    command = importlib.import_module(f"ssn3d.commands.{arguments.command}")
    job = importlib.import_module("ssn3d.log").job
    with job():
        command.run(arguments)


if __name__ == "__main__":
    main()
