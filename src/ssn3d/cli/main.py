"""Segment, pick, average, score, measure: tomograms; and describe networks, machine and results.

Snakemake runs the experiment itself.
"""

import argparse
import io
import os
import sys
from collections.abc import Sequence

from ssn3d import __version__
from ssn3d.cli import average, doctor, init, measure, models, networks, pick, score, segment, tables

_COMMANDS = (segment, pick, average, score, measure, models, networks, init, doctor, tables)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ssn3d", description=__doc__)
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for module in _COMMANDS:
        command = commands.add_parser(
            module.__name__.rpartition(".")[2],
            help=module.DESCRIPTION,
            description=module.DESCRIPTION,
            epilog=f"example:\n  {module.EXAMPLE}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Run one command; exit with status 1 and one line after an error that a user can cause."""
    os.environ["MPLBACKEND"] = "agg"  # a notebook's would be inherited; figures go to files
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # names of files that are not UTF-8
    arguments = _parser().parse_args(argv)
    from ssn3d.core.log import job

    with job():
        try:
            arguments.run(arguments)
            sys.stdout.flush()
        except BrokenPipeError:  # the reader closed the pipe, as `head` does
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
