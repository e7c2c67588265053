"""`ssn3d networks`."""

import argparse

import torch

from ssn3d.core.errors import ConfigError
from ssn3d.segmentation.networks.plugins import load_builder, package_networks, package_of
from ssn3d.segmentation.networks.registry import NETWORKS, build_network, capacity


def run(_: argparse.Namespace) -> None:
    """Print each network, its number of parameters and, if it is of a package, of which."""
    for name in NETWORKS:
        print(f"{name:<10} {_parameters(name):>10,}")
    for point in package_networks():
        try:
            load_builder(point.name)  # a package may not take a name of ours
            print(f"{point.name:<10} {_parameters(point.name):>10,}  {package_of(point)}")
        except ConfigError as error:
            print(f"{point.name:<10} {'-':>10}  {error}")


def _parameters(name: str) -> int:
    return capacity(build_network(name, 0.0, torch.Generator()))
