"""Options of the commands about an experiment, and its configuration and PDB IDs."""

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ssn3d.config.experiment import Config


def add_experiment_options(parser: argparse.ArgumentParser) -> None:
    """Add the configuration files and the folder of results."""
    files = "configuration files; later ones override earlier ones (default config.yaml)"
    add = parser.add_argument
    add("--config", nargs="+", default=["config.yaml"], metavar="FILE", help=files)
    add("--results", default="results", help="folder of results (default results)")


def read_experiment(arguments: argparse.Namespace) -> "tuple[Config, list[str]]":
    """Read and check the configuration, the PDB IDs in structures.ids, and targets of a search."""
    from ssn3d.config.experiment import check_ids, load_config, with_targets
    from ssn3d.structures.ids import read_pdb_ids

    config = load_config(*arguments.config)
    listed = read_pdb_ids(config.structures.ids) if config.structures.ids else []
    pdb_ids = with_targets(config, listed)
    check_ids(config, pdb_ids)
    return config, pdb_ids
