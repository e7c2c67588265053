"""`ssn3d doctor`."""

import argparse
import logging
from pathlib import Path

from ssn3d.cli.experiment import read_experiment
from ssn3d.core.log import logger
from ssn3d.doctor.lines import doctor


def run(arguments: argparse.Namespace) -> None:
    """Report what this machine has, how long the experiment takes, and what is missing."""
    config, pdb_ids = read_experiment(arguments)
    logger.setLevel(logging.WARNING)  # log lines would come between the report's
    for line in doctor(config, pdb_ids, Path(arguments.results)):
        print(line, flush=True)
