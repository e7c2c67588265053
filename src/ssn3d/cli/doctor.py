import argparse
import logging
from pathlib import Path

from ssn3d.cli.experiment import add_experiment_options, read_experiment

DESCRIPTION = "report what this machine has, how long the experiment takes, and what is missing"
EXAMPLE = "ssn3d doctor --config config.yaml demo.yaml"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_experiment_options(parser)


def run(arguments: argparse.Namespace) -> None:
    from ssn3d.core.log import logger
    from ssn3d.doctor.lines import doctor

    config, pdb_ids = read_experiment(arguments)
    logger.setLevel(logging.WARNING)  # log lines would come between the report's
    for line in doctor(config, pdb_ids, Path(arguments.results)):
        print(line, flush=True)
