"""Device, precision, determinism and random numbers of a network."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from ssn3d.core.device import pick_device, pick_precision
from ssn3d.core.log import logger
from ssn3d.core.seeds import seed_sequence

_LARGEST_WITHOUT_BFLOAT16_VOXELS = 16
"""At their coarsest the networks see cubes of two voxels then. oneDNN 3.12, of torch 2.13, adds
uninitialised memory to the gradients of a bfloat16 convolution over rows of two voxels, on CPUs
with AVX-512 and no AMX; rows of 1 and of 3 to 20 are right."""


@dataclass(frozen=True)
class Compute:
    """Device and precision of a network."""

    device: torch.device
    precision: torch.dtype

    @classmethod
    def pick(cls, device: str, precision: str) -> "Compute":
        """Resolve `auto` in device and precision; raises DeviceError for an unavailable device."""
        picked = pick_device(device)
        return cls(picked, pick_precision(precision, picked))

    @classmethod
    def for_training(cls, device: str, precision: str, size_voxels: int) -> "Compute":
        """Pick as `pick` does; on a CPU, small cubes are trained in float32, which is logged."""
        compute = cls.pick(device, precision)
        in_bfloat16 = compute.device.type == "cpu" and compute.precision == torch.bfloat16
        if in_bfloat16 and size_voxels <= _LARGEST_WITHOUT_BFLOAT16_VOXELS:
            logger.warning(
                "precision: float32 instead of bfloat16, in which torch's gradients of cubes of %d "
                "voxels are wrong on some CPUs",
                size_voxels,
            )
            return replace(compute, precision=torch.float32)
        return compute

    @property
    def precision_name(self) -> str:
        """Name of the precision: float32 or bfloat16."""
        return str(self.precision).removeprefix("torch.")

    @property
    def memory_format(self) -> torch.memory_format:
        """Channels last, which is fastest except for float32 convolutions on a GPU."""
        plain = self.device.type == "cuda" and self.precision == torch.float32
        return torch.contiguous_format if plain else torch.channels_last_3d

    def place(self, network: nn.Module) -> nn.Module:
        """Move a network to the device, its weights in `memory_format`."""
        # torch.nn has no typed overload for `memory_format` together with a device
        return network.to(self.device).to(memory_format=self.memory_format)  # type: ignore[call-overload, no-any-return]

    def has_room(self, size_bytes: int) -> bool:
        """True if the size is less than a quarter of a GPU's free memory; False on a CPU."""
        if self.device.type != "cuda":
            return False
        free_bytes, _ = torch.cuda.mem_get_info(self.device)
        return size_bytes < free_bytes / 4

    def logits(self, network: nn.Module, images: Tensor) -> Tensor:
        """Apply a network to images (n, s, s, s) of any type: float32 logits (n, classes, ...)."""
        # in two steps, so that the device converts, and fewer bytes are moved
        moved = images.to(self.device, non_blocking=True)
        inputs = moved.to(self.precision).unsqueeze(1)
        inputs = inputs.contiguous(memory_format=self.memory_format)
        with torch.autocast(
            self.device.type, torch.bfloat16, enabled=self.precision == torch.bfloat16
        ):
            logits: Tensor = network(inputs)
        return logits.float()


def deterministic() -> AbstractContextManager[None]:
    """Make a GPU's convolutions deterministic, and those of float32 exact, not TF32.

    All other operations of the networks are deterministic: pooling windows do not overlap, nearest-
    neighbour upsampling adds its gradients in order, `validation.loss_sum` has its own reduction.
    """
    flags: AbstractContextManager[None] = torch.backends.cudnn.flags(
        enabled=True, benchmark=False, deterministic=True, allow_tf32=False
    )
    return flags


@contextmanager
def reproducible(device: torch.device) -> Iterator[None]:
    """Make a block `deterministic`, and restore torch's global generator at its end.

    The block may seed that generator, which dropout uses.
    """
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices), deterministic():
        yield


def torch_generator(seed: int, *keys: str | int) -> torch.Generator:
    """Random generator of one job, seeded as `seeds.generator`."""
    state = int(seed_sequence(seed, *keys).generate_state(1, np.uint64)[0])
    return torch.Generator().manual_seed(state & (2**63 - 1))
