"""`ssn3d doctor`."""

import argparse
import logging
from pathlib import Path

from ssn3d.commands.experiment import read_experiment
from ssn3d.doctor.lines import doctor
from ssn3d.log import logger


def run(arguments: argparse.Namespace) -> None:
    """Say what this machine has, what will run where and how long, and what is missing."""
    config, pdb_ids = read_experiment(arguments)
    logger.setLevel(logging.WARNING)  # what is measured on the way would come between the lines
    for line in doctor(config, pdb_ids, Path(arguments.results)):
        print(line, flush=True)
