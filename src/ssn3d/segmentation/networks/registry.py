"""The registry of networks: from a name in the configuration or a file to the network.

Every network maps images (n, 1, s, s, s) to logits (n, classes, s, s, s); s is a multiple of 8. The
classes are background and macromolecule, or all of `core.classes`. A line in `NETWORKS` adds a
network.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import nn

from ssn3d.core.classes import CLASSES
from ssn3d.core.errors import ConfigError
from ssn3d.segmentation.networks.plugins import build_packaged, load_builder, package_networks
from ssn3d.segmentation.networks.ssn3d import SSN3DED, SSN3Dv1, SSN3Dv2
from ssn3d.segmentation.networks.unets import ChannelScale, ResUNet, UNet


@dataclass(frozen=True)
class Architecture:
    """A network of the registry."""

    build: Callable[[float], nn.Module]
    """Function from dropout rate to network; `build_network` initialises the weights."""
    block: int = 1
    """Edge in voxels of the cubes in which the output is constant; 1 if every voxel has its own."""
    classes: int = 2
    """Number of classes, the first ones of `core.classes`."""


NETWORKS = {
    "SSN3D-v1": Architecture(SSN3Dv1, block=8),
    "SSN3D-v2": Architecture(SSN3Dv2, block=2),
    "SSN3D-ED": Architecture(lambda _dropout: SSN3DED(), block=2),
    "UNet": Architecture(lambda _dropout: UNet()),
    "ResUNet": Architecture(lambda _dropout: ResUNet()),
    "ResUNet-plain": Architecture(lambda _dropout: ResUNet(normalisation=ChannelScale)),
    "ResUNet-classes": Architecture(
        lambda _dropout: ResUNet(classes=len(CLASSES), normalisation=ChannelScale),
        classes=len(CLASSES),
    ),
}
"""`ResUNet-plain` and `ResUNet-classes` have no normalisation that pools over a cube."""


def architecture(name: str) -> Architecture:
    """Find a network of the registry or of an installed package, which is imported only now.

    Raises ConfigError if no network has this name, or the package's cannot be loaded.
    """
    if name in NETWORKS:
        return NETWORKS[name]
    packaged = [point.name for point in package_networks()]
    if name not in packaged:
        known = ", ".join([*NETWORKS, *packaged])
        raise ConfigError(f"network: {name!r} must be one of {known}")
    block = getattr(load_builder(name), "block", 1)
    return Architecture(partial(build_packaged, name), block)


def build_network(name: str, dropout: float, generator: torch.Generator) -> nn.Module:
    """Build a network, with Glorot uniform weights and biases of zero.

    Torch's global generator is not changed. Raises ConfigError as `architecture` does.
    """
    build = architecture(name).build
    with torch.random.fork_rng(devices=[]):  # layers draw weights as they are made
        network = build(dropout)
    if not isinstance(network, nn.Module):
        raise ConfigError(f"network: {name!r} is built as {network!r}, not as a torch.nn.Module")
    for layer in network.modules():
        if isinstance(layer, (nn.Conv3d, nn.ConvTranspose3d, nn.Linear)):
            nn.init.xavier_uniform_(layer.weight, generator=generator)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return network


def capacity(network: nn.Module) -> int:
    """Number of trainable parameters."""
    return sum(weights.numel() for weights in network.parameters() if weights.requires_grad)
