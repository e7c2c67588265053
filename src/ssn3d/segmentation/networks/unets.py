"""Networks that are not in the paper: a U-Net and a residual U-Net.

They have skip connections at every resolution; their output is not constant in blocks.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from ssn3d.segmentation.networks.layers import CLASSES, check_size, pool, upsample


class UNet(nn.Module):
    """3-D U-Net with group normalisation; 1.46 million parameters.

    Cicek et al. 2016, MICCAI; Wu & He 2018, ECCV.
    """

    def __init__(self, width: int = 16) -> None:
        """Make four levels of `width`, 2, 4 and 8 times `width` channels."""
        super().__init__()
        self.down1 = _double_convolution(1, width)
        self.down2 = _double_convolution(width, 2 * width)
        self.down3 = _double_convolution(2 * width, 4 * width)
        self.bottom = _double_convolution(4 * width, 8 * width)
        self.up3 = _double_convolution(12 * width, 4 * width)
        self.up2 = _double_convolution(6 * width, 2 * width)
        self.up1 = _double_convolution(3 * width, width)
        self.score = nn.Conv3d(width, CLASSES, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Map images (n, 1, s, s, s) to logits (n, 2, s, s, s)."""
        check_size(images)
        full = self.down1(images)
        half = self.down2(pool(full))
        quarter = self.down3(pool(half))
        features = self.bottom(pool(quarter))
        features = self.up3(torch.cat([upsample(features), quarter], dim=1))
        features = self.up2(torch.cat([upsample(features), half], dim=1))
        features = self.up1(torch.cat([upsample(features), full], dim=1))
        scores: Tensor = self.score(features)
        return scores


CHANNELS_PER_GROUP = 8
"""Smaller groups are much slower on a CPU, with channels last and in bfloat16."""


def _double_convolution(channels_in: int, channels_out: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv3d(channels_in, channels_out, 3, padding="same", bias=False),
        _normalisation(channels_out),
        nn.ReLU(inplace=True),
        nn.Conv3d(channels_out, channels_out, 3, padding="same", bias=False),
        _normalisation(channels_out),
        nn.ReLU(inplace=True),
    )


class ChannelScale(nn.Module):
    """A scale and a shift for each channel, in place of a normalisation.

    A normalisation pools over a whole cube, so that one gold bead changes what is around it; with
    this, each voxel of the output depends on the network's receptive field alone.
    """

    def __init__(self, channels: int) -> None:
        """Start as the identity."""
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, features: Tensor) -> Tensor:
        """Map features (n, channels, z, y, x)."""
        shape = (1, -1, 1, 1, 1)
        return torch.addcmul(self.bias.view(shape), features, self.weight.view(shape))


def _normalisation(channels: int) -> nn.Module:
    return nn.GroupNorm(channels // CHANNELS_PER_GROUP, channels)


class _Residual(nn.Sequential):
    """Two convolutions beside the identity."""

    def __init__(self, channels: int, normalisation: Callable[[int], nn.Module]) -> None:
        super().__init__(
            normalisation(channels),
            nn.ReLU(inplace=True),
            nn.Conv3d(channels, channels, 3, padding="same", bias=False),
            normalisation(channels),
            nn.ReLU(inplace=True),
            nn.Conv3d(channels, channels, 3, padding="same"),
        )

    def forward(self, features: Tensor) -> Tensor:
        branch: Tensor = super().forward(features)  # type: ignore[no-untyped-call]
        return features + branch


class ResUNet(nn.Module):
    """Residual U-Net on cubes of 2^3 voxels; 1.6 million parameters.

    At 40 A resolution neighbouring voxels of 10 A differ little: nearly all of the work is done on
    a grid of half the resolution, in half of UNet's time, and a transposed convolution computes
    each cube's 8 voxels from its channels. Normalisation and ReLU come before convolutions (He et
    al. 2016, ECCV).
    """

    def __init__(
        self,
        width: int = 32,
        classes: int = CLASSES,
        normalisation: Callable[[int], nn.Module] = _normalisation,
    ) -> None:
        """Make levels of `width`, 2 and 3 times `width` channels."""
        super().__init__()
        half, quarter, eighth, full = width, 2 * width, 3 * width, width // 2
        residual = partial(_Residual, normalisation=normalisation)
        self.stem = nn.Conv3d(1, half, 4, stride=2, padding=1)
        self.down2 = residual(half)
        self.down3 = nn.Sequential(nn.Conv3d(half, quarter, 2, stride=2), residual(quarter))
        self.bottom = nn.Sequential(
            nn.Conv3d(quarter, eighth, 2, stride=2),
            residual(eighth),
            residual(eighth),
            nn.Conv3d(eighth, quarter, 1),
        )
        self.up3 = nn.Sequential(residual(quarter), nn.Conv3d(quarter, half, 1))
        self.up2 = nn.Sequential(residual(half), normalisation(half), nn.ReLU(inplace=True))
        self.up1 = nn.ConvTranspose3d(half, full, 2, stride=2)
        self.detail = nn.Conv3d(1, full, 3, padding="same")
        self.mix = nn.Conv3d(full, full, 3, padding="same")
        self.score = nn.Conv3d(full, classes, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Map images (n, 1, s, s, s) to logits (n, classes, s, s, s)."""
        check_size(images)
        half = self.down2(self.stem(images))  # (n, width, s/2, s/2, s/2)
        quarter = self.down3(half)
        quarter = quarter + upsample(self.bottom(quarter))
        half = half + upsample(self.up3(quarter))
        full = self.up1(self.up2(half)) + self.detail(images)
        scores: Tensor = self.score(relu(self.mix(relu(full, inplace=True)), inplace=True))
        return scores
