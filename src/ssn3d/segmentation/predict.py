"""Masks from images: how a network computes, and trained weights from a file."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ssn3d.device import pick_device, pick_precision
from ssn3d.errors import CheckpointError
from ssn3d.segmentation.checkpoint import read_tensors
from ssn3d.segmentation.networks import build_network

MICRO_BATCH_SIZE = {"cpu": 4, "cuda": 32}
"""Subtomograms at a time where nothing else is asked for; more do not go faster."""


@dataclass(frozen=True)
class Compute:
    """Where a network computes, and how precisely."""

    device: torch.device
    precision: torch.dtype

    @classmethod
    def pick(cls, device: str, precision: str) -> "Compute":
        """Resolve `auto` in either; raises DeviceError where the device asked for is not there."""
        picked = pick_device(device)
        return cls(picked, pick_precision(precision, picked))

    @property
    def precision_name(self) -> str:
        """The precision, float32 or bfloat16."""
        return str(self.precision).removeprefix("torch.")

    @property
    def memory_format(self) -> torch.memory_format:
        """Channels last, with which all but float32 convolutions on a GPU are fastest."""
        plain = self.device.type == "cuda" and self.precision == torch.float32
        return torch.contiguous_format if plain else torch.channels_last_3d

    def place(self, network: nn.Module) -> nn.Module:
        """Bring a network to the device, its weights in the order that suits it."""
        # torch.nn has no typed overload for `memory_format` together with a device
        return network.to(self.device).to(memory_format=self.memory_format)  # type: ignore[call-overload, no-any-return]

    def hold(self, array: NDArray[Any]) -> Tensor:
        """Take an array to the device once for all, or leave it where it is if it is large."""
        tensor = torch.from_numpy(array)
        if self.device.type == "cuda":
            free_bytes, _ = torch.cuda.mem_get_info(self.device)
            if array.nbytes < free_bytes / 4:
                return tensor.to(self.device)
        return tensor

    def logits(self, network: nn.Module, images: Tensor) -> Tensor:
        """Apply a network to images (n, s, s, s) of any type: logits (n, 2, s, s, s), float32."""
        inputs = images.to(self.device, self.precision).unsqueeze(1)
        inputs = inputs.contiguous(memory_format=self.memory_format)
        with torch.autocast(
            self.device.type, torch.bfloat16, enabled=self.precision == torch.bfloat16
        ):
            logits: Tensor = network(inputs)
        return logits.float()


@contextmanager
def reproducible(device: torch.device, seed: int) -> Iterator[None]:
    """Seed torch's global generator, which dropout draws from, and have cuDNN keep to one order.

    Both are as before when the block ends.
    """
    devices = [device] if device.type == "cuda" else []
    with (
        torch.random.fork_rng(devices=devices),
        torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True),
    ):
        torch.manual_seed(seed)
        yield


def iterate_logits(
    network: nn.Module,
    images: Tensor,
    rows: NDArray[np.integer[Any]],
    compute: Compute,
    micro_batch_size: int | None = None,
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield rows (m,) and their logits (m, 2, s, s, s), a micro-batch at a time, not training."""
    size = micro_batch_size or MICRO_BATCH_SIZE[compute.device.type]
    network.eval()
    with torch.inference_mode():
        for some in torch.split(torch.from_numpy(np.asarray(rows, dtype=np.int64)), size):
            yield some, compute.logits(network, images[some])


def predict_masks(
    network: nn.Module,
    images: NDArray[Any],
    rows: NDArray[np.integer[Any]],
    compute: Compute,
    micro_batch_size: int | None = None,
) -> NDArray[np.uint8]:
    """Segment the images (n, s, s, s) at `rows` (m,): masks (m, s, s, s) of 0 and 1.

    The images are standardised, as in a dataset. Each voxel takes the class of the larger logit.
    """
    tensor = torch.from_numpy(images)
    masks = np.empty((len(rows), *images.shape[1:]), dtype=np.uint8)
    done = 0
    for some, logits in iterate_logits(network, tensor, rows, compute, micro_batch_size):
        masks[done : done + len(some)] = logits.argmax(dim=1).cpu().numpy()
        done += len(some)
    return masks


def load_network(path: str | os.PathLike[str]) -> tuple[nn.Module, dict[str, Any]]:
    """Read trained weights: the network on the CPU, and what the file says of its training.

    Raises:
        CheckpointError: the file is missing or damaged, or its weights are of another network.
        ConfigError: no network has the name in the file.
    """
    content = read_tensors(path)
    try:
        network = build_network(content["network"], 0.0, torch.Generator())
        network.load_state_dict(content.pop("weights"))
        content["precision"]  # which the network is to compute in
    except (AttributeError, KeyError, RuntimeError, TypeError) as error:
        problem = " ".join(str(error).split())
        message = f"{path}: not the weights of a network ({problem}); train it again"
        raise CheckpointError(message) from error
    return network.eval(), content
