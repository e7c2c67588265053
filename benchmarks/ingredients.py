"""Ingredients of a training that the package leaves out: what `ablation.py` measures them with.

The package has no settings for them, so that each takes the place of a part of
`ssn3d.segmentation.train` while a training runs.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from ssn3d.crops import crop
from ssn3d.mrc import read_mrc
from ssn3d.seeds import generator
from ssn3d.segmentation import train
from ssn3d.segmentation.layers import CLASSES, upsample
from ssn3d.segmentation.networks import build_network
from ssn3d.segmentation.recipe import training_loss
from ssn3d.segmentation.settings import TrainingSettings
from ssn3d.segmentation.unets import ResUNet
from ssn3d.subtomograms.extract import cut
from ssn3d.subtomograms.samples import Rows, Samples
from ssn3d.subtomograms.store import Origin, open_shard, write_shard

SHIFT_VOXELS = 2
INTENSITY_SD = 0.1
"""Of the logarithm of the contrast, and of the offset in standard deviations of the image."""
NOISE_SD = 0.5
"""The largest of white noise, in standard deviations of the image."""

Change = Callable[[nn.Module], nn.Module]


@contextmanager
def changed_network(change: Change) -> Iterator[None]:
    """Change each network that a training builds."""

    def build(name: str, dropout: float, random: torch.Generator) -> nn.Module:
        return change(build_network(name, dropout, random))

    with patch.object(train, "build_network", build):
        yield


def starting_from(weights: Mapping[str, Tensor]) -> AbstractContextManager[None]:
    """Let a training begin with the weights of another."""

    def load(network: nn.Module) -> nn.Module:
        network.load_state_dict(weights)
        return network

    return changed_network(load)


class Perturbed(nn.Module):
    """A network whose training images have another contrast and offset, or more noise."""

    def __init__(self, network: nn.Module, *, noise: bool) -> None:
        """Take a network; `noise` adds noise, else contrast and offset change."""
        super().__init__()
        self.network, self.noise = network, noise

    def forward(self, images: Tensor) -> Tensor:
        """Map images (n, 1, s, s, s) to logits (n, 2, s, s, s)."""
        if self.training:
            each = images.new_empty((len(images), 1, 1, 1, 1))
            if self.noise:
                images = images + each.uniform_(0, NOISE_SD) * torch.randn_like(images)
            else:
                contrast = torch.exp(INTENSITY_SD * torch.randn_like(each))
                images = images * contrast + INTENSITY_SD * torch.randn_like(each)
        logits: Tensor = self.network(images)
        return logits


@contextmanager
def deep_supervision() -> Iterator[None]:
    """Let ResUNet's levels of a half and a quarter of the resolution predict the mask too.

    Their losses have half and a quarter of the weight (Lee et al. 2015, AISTATS).
    """
    coarse: list[Tensor] = []

    def add_heads(network: nn.Module) -> nn.Module:
        assert isinstance(network, ResUNet)  # the levels below are its own
        network.heads = nn.ModuleList()
        for level, times in ((network.up3[0], 4), (network.up2[0], 2)):
            head = nn.Conv3d(level[-1].out_channels, CLASSES, 1)
            for weights in head.parameters():
                nn.init.zeros_(weights)
            network.heads.append(head)
            level.register_forward_hook(head_of(head, times))
        return network

    def head_of(head: nn.Module, times: int) -> Callable[..., None]:
        def hook(level: nn.Module, _: object, features: Tensor) -> None:
            if level.training:
                coarse.append(upsample(head(features), times).float())

        return hook

    def loss(logits: Tensor, masks: Tensor, settings: TrainingSettings, size: int) -> Tensor:
        quarter, half = coarse  # in the order of computation
        coarse.clear()
        terms = zip((1.0, 0.5, 0.25), (logits, half, quarter), strict=True)
        return sum((w * training_loss(some, masks, settings, size) for w, some in terms), start=0)

    with changed_network(add_heads), patch.object(train, "training_loss", loss):
        yield


class Flipped(nn.Module):
    """A network that is trained on subtomograms flipped along z, y and x, or not, at random.

    These, half turns included, are the symmetries of imaging by single-axis tilts. Quarter turns
    would move the missing wedge.
    """

    def __init__(self, network: nn.Module) -> None:
        """Take a network."""
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        """Map images (n, 1, s, s, s) to logits (n, 2, s, s, s), which are turned back."""
        if not self.training:
            logits: Tensor = self.network(images)
            return logits
        flips = [np.flatnonzero(drawn) + 1 for drawn in torch.randint(2, (len(images), 3))]
        logits = self.network(_flip_each(images, flips))
        return _flip_each(logits, flips)


def _flip_each(volumes: Tensor, flips: Sequence[NDArray[np.int_]]) -> Tensor:
    """Flip each of volumes (n, channels, s, s, s) along axes of its own."""
    turned = [one.flip(axes.tolist()) for one, axes in zip(volumes, flips, strict=True)]
    return torch.stack(turned)


class Averaging(nn.Module):
    """A network that predicts by the moving average of its weights over some 100 steps."""

    def __init__(self, network: nn.Module) -> None:
        """Take a network."""
        super().__init__()
        self.network = network
        self.average = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(0.99))

    def forward(self, images: Tensor) -> Tensor:
        """Map images (n, 1, s, s, s) to logits (n, 2, s, s, s)."""
        if self.training:
            self.average.update_parameters(self.network)
        logits: Tensor = (self.network if self.training else self.average)(images)
        return logits


@dataclass(frozen=True)
class Shifted:
    """Samples whose particles are off the centre by up to SHIFT_VOXELS along each axis."""

    samples: Samples
    shifts_voxels: NDArray[np.int_]
    """(n, 3)"""

    @classmethod
    def at(cls, samples: Samples, rows: Rows, seed: int) -> "Shifted":
        """Shift those at `rows`."""
        shifts = np.zeros((len(samples), 3), int)
        draw = generator(seed, "ablation", "shifts")
        shifts[rows] = draw.integers(-SHIFT_VOXELS, SHIFT_VOXELS + 1, (len(rows), 3))
        return cls(samples, shifts)

    @property
    def size_voxels(self) -> int:
        """Edge of a subtomogram."""
        return self.samples.size_voxels

    @property
    def digests(self) -> Mapping[str, str]:
        """Of what is shifted."""
        return self.samples.digests

    def __len__(self) -> int:
        """Count the subtomograms."""
        return len(self.samples)

    def read(self, rows: Rows) -> tuple[NDArray[np.float16], NDArray[np.uint8]]:
        """Images and masks (m, s, s, s) at `rows` (m,), reflected at the edges."""
        images, masks = self.samples.read(rows)
        for volumes in (images, masks):
            for volume, shift in zip(volumes, self.shifts_voxels[rows], strict=True):
                padded = np.pad(volume, SHIFT_VOXELS, mode="reflect")
                volume[:] = crop(padded, SHIFT_VOXELS + shift, self.size_voxels)
        return images, masks


def without_noise(shard: Path, volume: Path, folder: Path) -> Path:
    """Cut the subtomograms of a shard anew, from the tomogram without noise (`signal.mrc`)."""
    path = folder / shard.name
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        noisy = open_shard(shard)
        image, voxel_size = read_mrc(volume)
        labels, _ = read_mrc(volume.with_name("labels.mrc"), image.shape)
        size, target, infinite = noisy.size_voxels, noisy.origin.target, float("inf")
        origin = Origin("no noise", noisy.origin.tomogram, target, infinite, infinite, voxel_size)
        cubes = cut(image, labels, noisy.particles, noisy.labels, size, target=target)
        write_shard(path, origin, noisy.particles, noisy.labels, cubes,
                    size_voxels=size, provenance={})  # fmt: skip
    return path
