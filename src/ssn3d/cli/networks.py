import argparse

DESCRIPTION = "print each network and its number of parameters"
EXAMPLE = "ssn3d networks"


def add_arguments(_: argparse.ArgumentParser) -> None: ...


def run(_: argparse.Namespace) -> None:
    import torch

    from ssn3d.core.errors import ConfigError
    from ssn3d.segmentation.networks.plugins import load_builder, package_networks, package_of
    from ssn3d.segmentation.networks.registry import NETWORKS, build_network, capacity

    def parameters(name: str) -> int:
        return capacity(build_network(name, 0.0, torch.Generator()))

    for name in NETWORKS:
        print(f"{name:<10} {parameters(name):>10,}")
    for point in package_networks():
        try:
            load_builder(point.name)  # raises if the package takes the name of a built-in network
            print(f"{point.name:<10} {parameters(point.name):>10,}  {package_of(point)}")
        except ConfigError as error:
            print(f"{point.name:<10} {'-':>10}  {error}")
