"""Shared by the commands about an experiment: its configuration and structures."""

import argparse

from ssn3d.config.experiment import Config, check_ids, load_config
from ssn3d.structures.ids import read_pdb_ids


def read_experiment(arguments: argparse.Namespace) -> tuple[Config, list[str]]:
    """Read and check the configuration files given, and the PDB IDs that they name."""
    config = load_config(*arguments.config)
    pdb_ids = read_pdb_ids(config.structures.ids)
    check_ids(config, pdb_ids)
    return config, pdb_ids
