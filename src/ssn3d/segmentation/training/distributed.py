"""Training by several processes: each takes its share of every batch, and gradients are summed.

Up to rounding, the sum is the gradient of one process with the whole batch, so that any number of
processes trains the same network. `DistributedDataParallel` does not fit: it averages, and requires
as many micro-batches of every process, also in a smaller last batch.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray
from torch import Tensor, nn

from ssn3d.core.errors import DeviceError


class LostContactError(DeviceError):
    """Another process of the training has ended."""


@dataclass(frozen=True)
class Ranks:
    """Rank of this process, and the number of processes."""

    rank: int = 0
    count: int = 1
    launcher_pid: int = 0

    @property
    def is_first(self) -> bool:
        """True if this process writes, logs and measures for all."""
        return self.rank == 0

    def share(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Rows (n,) of `rows` for this process."""
        return rows[self.rank :: self.count]

    def sum_gradients(self, network: nn.Module, loss: Tensor) -> Tensor:
        """Give every process the sum of all gradients; return the sum of all losses."""
        if self.count == 1:
            return loss
        if os.getppid() != self.launcher_pid:  # or it would go on beside its own restart
            raise DeviceError("the launcher of this training has ended; the same command resumes")
        weights = [w for w in network.parameters() if w.requires_grad]
        # A process without a share of a small batch has no gradients.
        parts = [w.grad if w.grad is not None else torch.zeros_like(w) for w in weights]
        flat = torch.cat([loss.reshape(1), *(part.reshape(-1) for part in parts)])
        _exchange(dist.all_reduce, flat)
        total, *sums = torch.split(flat, [1, *(w.numel() for w in weights)])
        for w, summed in zip(weights, sums, strict=True):
            w.grad = torch.empty_like(w).copy_(summed.view_as(w))  # in the weights' layout
        return total[0]

    def gather(self, value: Any) -> list[Any]:
        """Collect the value of every process, by rank, in every process."""
        if self.count == 1:
            return [value]
        values: list[Any] = [None] * self.count
        _exchange(dist.all_gather_object, values, value)
        return values


def _exchange(collective: Any, *arguments: Any) -> None:
    """Exchange data with the other processes. Raises LostContactError where one has ended."""
    try:
        collective(*arguments)
    except RuntimeError as error:
        problem = str(error).split("\n", maxsplit=1)[0]
        raise LostContactError(f"another process has ended ({problem})") from error


@contextmanager
def joined(device: str) -> Iterator[Ranks]:
    """Join the group of processes that torchrun started."""
    on_gpu = device != "cpu" and torch.cuda.is_available()
    dist.init_process_group("nccl" if on_gpu else "gloo")
    try:
        yield Ranks(dist.get_rank(), dist.get_world_size(), os.getppid())
    finally:
        dist.destroy_process_group()
