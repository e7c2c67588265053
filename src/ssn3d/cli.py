"""Facts about networks, this machine and finished runs. Snakemake runs the experiment itself."""

import argparse
import importlib
import sys
from collections.abc import Sequence

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
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Run one command; import its module only now, since some take a second or more."""
    arguments = _parser().parse_args(sys.argv[1:] if argv is None else argv)
    command = importlib.import_module(f"ssn3d.commands.{arguments.command}")
    job = importlib.import_module("ssn3d.log").job
    with job():
        command.run(arguments)


if __name__ == "__main__":
    main()
