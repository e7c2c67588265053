"""`ssn3d networks`."""

import argparse

import torch

from ssn3d.segmentation.networks import NETWORKS, build_network, capacity


def run(_: argparse.Namespace) -> None:
    """Print each network and its number of parameters."""
    for name in NETWORKS:
        network = build_network(name, 0.0, torch.Generator())
        print(f"{name:<10} {capacity(network):>10,}")
