"""Ingredients of a training that the package leaves out: what `ablation.py` measures them with.

The package has no settings for them. Networks with an ingredient are registered under names of
their own; samples with one replace the data set's.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from ssn3d.core.cubes import crop
from ssn3d.core.seeds import generator
from ssn3d.io.mrc import read_mrc
from ssn3d.segmentation.networks.registry import NETWORKS as REGISTRY
from ssn3d.segmentation.networks.registry import Architecture, architecture
from ssn3d.subtomograms.extract import cut
from ssn3d.subtomograms.samples import Rows, Samples
from ssn3d.subtomograms.store import Origin, open_shard, write_shard

SHIFT_VOXELS = 2
INTENSITY_SD = 0.1
"""Of the logarithm of the contrast, and of the offset in standard deviations of the image."""
NOISE_SD = 0.5
"""The largest of white noise, in standard deviations of the image."""


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


class Flipped(nn.Module):
    """A network that is trained on subtomograms flipped along z, y and x, or not, at random.

    These, half turns included, are the symmetries of imaging by single-axis tilts. Quarter turns
    would move the missing wedge.
    """

    def __init__(self, network: nn.Module) -> None:
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
        super().__init__()
        self.network = network
        self.average = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(0.99))

    def forward(self, images: Tensor) -> Tensor:
        """Map images (n, 1, s, s, s) to logits (n, 2, s, s, s)."""
        if self.training:
            self.average.update_parameters(self.network)
        logits: Tensor = (self.network if self.training else self.average)(images)
        return logits


NETWORKS: dict[str, Callable[[nn.Module], nn.Module]] = {
    "ResUNet, averaged weights": Averaging,
    "ResUNet, flips": Flipped,
    "ResUNet, contrast": partial(Perturbed, noise=False),
    "ResUNet, noise": partial(Perturbed, noise=True),
}
build = architecture("ResUNet").build
for name, changed in NETWORKS.items():
    REGISTRY[name] = Architecture(lambda dropout, changed=changed: changed(build(dropout)))


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
