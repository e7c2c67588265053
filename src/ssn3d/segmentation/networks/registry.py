"""The networks of the paper's Figures 2 and 3, and the registry of these and others.

The numbers of parameters in the paper's Table 2 determine every layer: the decoders have 1x1x1
convolutions, not the 3x3x3 of the text. Such a convolution commutes with nearest-neighbour
upsampling; here the convolution comes first, on eight times fewer voxels. For the same reason ReLU
comes after max-pooling.

Every network maps images (n, 1, s, s, s) to logits (n, 2, s, s, s), the classes being background
and macromolecule, where s is a multiple of 8.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from ssn3d.core.errors import ConfigError
from ssn3d.segmentation.networks.layers import CLASSES, check_size, pool, upsample
from ssn3d.segmentation.networks.plugins import build_packaged, load_builder, package_networks
from ssn3d.segmentation.networks.unets import ResUNet, UNet


@dataclass(frozen=True)
class Architecture:
    """A network of the registry."""

    build: Callable[[float], nn.Module]
    """From dropout rate to network; weights are initialised later."""
    block: int
    """Edge in voxels of the cubes in which the output is constant: 1 for a network that can mark
    every voxel on its own."""


NETWORKS: dict[str, Architecture] = {}


def register(
    name: str, block: int = 1
) -> Callable[[Callable[[float], nn.Module]], Callable[[float], nn.Module]]:
    """Register a function that builds a network under `name`, for configurations and files."""

    def add(build: Callable[[float], nn.Module]) -> Callable[[float], nn.Module]:
        NETWORKS[name] = Architecture(build, block)
        return build

    return add


def architecture(name: str) -> Architecture:
    """Find a network, of the registry or of an installed package, which is imported only now.

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


class Encoder(nn.Module):
    """Three blocks of two 3x3x3 convolutions and a pooling; 858,400 parameters."""

    def __init__(self) -> None:
        """Make the six convolutions."""
        super().__init__()
        self.conv1_1 = nn.Conv3d(1, 32, 3, padding="same")
        self.conv1_2 = nn.Conv3d(32, 32, 3, padding="same")
        self.conv2_1 = nn.Conv3d(32, 64, 3, padding="same")
        self.conv2_2 = nn.Conv3d(64, 64, 3, padding="same")
        self.conv3_1 = nn.Conv3d(64, 128, 3, padding="same")
        self.conv3_2 = nn.Conv3d(128, 128, 3, padding="same")

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The three pooled feature maps, of 32, 64 and 128 channels."""
        check_size(images)
        features = relu(self.conv1_1(images), inplace=True)  # (n, 32, s, s, s)
        pool1 = relu(pool(self.conv1_2(features)), inplace=True)  # (n, 32, s/2, ...)
        features = relu(self.conv2_1(pool1), inplace=True)
        pool2 = relu(pool(self.conv2_2(features)), inplace=True)  # (n, 64, s/4, ...)
        features = relu(self.conv3_1(pool2), inplace=True)
        pool3 = relu(pool(self.conv3_2(features)), inplace=True)  # (n, 128, s/8, ...)
        return pool1, pool2, pool3


class FullyConvolutional(nn.Sequential):
    """Fully connected layers as 1x1x1 convolutions, down to one score per class."""

    def __init__(self, dropout: float) -> None:
        """Make the layers, both hidden ones with dropout."""
        super().__init__()
        self.fc1 = nn.Conv3d(128, 1024, 1)
        self.relu1 = nn.ReLU(inplace=True)
        self.dropout1 = nn.Dropout(dropout)
        self.fc2 = nn.Conv3d(1024, 1024, 1)
        self.relu2 = nn.ReLU(inplace=True)
        self.dropout2 = nn.Dropout(dropout)
        self.score = nn.Conv3d(1024, CLASSES, 1)


class SSN3Dv1(nn.Module):
    """Figure 2 (a): no skip connection; 2,042,158 parameters, output constant in 8^3 voxels."""

    def __init__(self, dropout: float) -> None:
        """Make encoder, fully convolutional layers and decoder."""
        super().__init__()
        self.encoder = Encoder()
        self.fully_convolutional = FullyConvolutional(dropout)
        self.up_conv1 = nn.Conv3d(CLASSES, CLASSES, 1)
        self.up_conv2 = nn.Conv3d(CLASSES, CLASSES, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Map images (n, 1, s, s, s) to logits (n, 2, s, s, s)."""
        _, _, pool3 = self.encoder(images)
        score = self.fully_convolutional(pool3)  # (n, 2, s/8, s/8, s/8)
        # the figure upsamples by 2 before, between and after these two
        return upsample(self.up_conv2(self.up_conv1(score)), 8)


class SSN3Dv2(nn.Module):
    """Figure 2 (b): skip connections by adding scores; 2,042,342 parameters, blocks of 2^3."""

    def __init__(self, dropout: float) -> None:
        """Make encoder, fully convolutional layers and the scores of two poolings."""
        super().__init__()
        self.encoder = Encoder()
        self.fully_convolutional = FullyConvolutional(dropout)
        self.score_pool2 = nn.Conv3d(64, CLASSES, 1)
        self.score_pool1 = nn.Conv3d(32, CLASSES, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Map images (n, 1, s, s, s) to logits (n, 2, s, s, s)."""
        pool1, pool2, pool3 = self.encoder(images)
        score = upsample(self.fully_convolutional(pool3)) + self.score_pool2(pool2)
        score = upsample(score) + self.score_pool1(pool1)
        return upsample(score)


class SSN3DED(nn.Module):
    """Figure 3: encoder and decoder of the same widths; 895,746 parameters, blocks of 2^3."""

    def __init__(self) -> None:
        """Make encoder and decoder; there is no dropout."""
        super().__init__()
        self.encoder = Encoder()
        self.up_conv1 = nn.Conv3d(128, 128, 1)
        self.skip_pool2 = nn.Conv3d(64, 128, 1)
        self.up_conv2 = nn.Conv3d(128, 64, 1)
        self.skip_pool1 = nn.Conv3d(32, 64, 1)
        self.up_conv3 = nn.Conv3d(64, 32, 1)
        self.score = nn.Conv3d(32, CLASSES, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Map images (n, 1, s, s, s) to logits (n, 2, s, s, s)."""
        pool1, pool2, pool3 = self.encoder(images)
        features = relu(self.up_conv1(pool3), inplace=True)
        features = upsample(features) + self.skip_pool2(pool2)  # (n, 128, s/4, s/4, s/4)
        features = relu(self.up_conv2(features), inplace=True)
        features = upsample(features) + self.skip_pool1(pool1)  # (n, 64, s/2, s/2, s/2)
        features = relu(self.up_conv3(features), inplace=True)
        return upsample(self.score(features))  # the figure scores after the upsampling


@register("SSN3D-v1", block=8)
def _ssn3d_v1(dropout: float) -> nn.Module:
    return SSN3Dv1(dropout)


@register("SSN3D-v2", block=2)
def _ssn3d_v2(dropout: float) -> nn.Module:
    return SSN3Dv2(dropout)


@register("SSN3D-ED", block=2)
def _ssn3d_ed(_dropout: float) -> nn.Module:
    return SSN3DED()


@register("UNet")
def _unet(_dropout: float) -> nn.Module:
    return UNet()


@register("ResUNet")
def _res_unet(_dropout: float) -> nn.Module:
    return ResUNet()
