"""Micro-batch size with which this machine trains fastest, as measured."""

import copy
import time
from collections.abc import Callable

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from ssn3d.core.errors import DeviceError
from ssn3d.core.log import logger
from ssn3d.segmentation.inference.compute import Compute

CANDIDATES = {"cpu": (2, 4, 8, 16), "cuda": (8, 32, 128)}
"""Caches favour small numbers on a CPU, many cores large ones on a GPU."""
ROUNDS = 3
"""The first round also allocates and plans, and is never the fastest."""


def pick_micro_batch_size(network: nn.Module, compute: Compute, size: int, largest: int) -> int:
    """Measure forward and backward passes; return the number with the least time per subtomogram.

    `network` is placed by `compute`, and not changed; subtomograms have `size`^3 voxels. The result
    is at most `largest`. Raises DeviceError if the GPU's memory is too small for any candidate.
    """
    candidates = [n for n in CANDIDATES[compute.device.type] if n <= largest] or [largest]
    trial = copy.deepcopy(network).train()
    seconds: dict[int, float] = {}
    for _ in range(ROUNDS):  # in turns, so that other work on the machine slows all of them
        for count in candidates:
            try:
                spent = time_step(trial, compute, count, size) / count
            except torch.cuda.OutOfMemoryError:
                break
            seconds[count] = min(spent, seconds.get(count, spent))
    if not seconds:
        message = (
            f"device: the GPU's memory is too small for {candidates[0]} subtomograms at a time; "
            "set training.micro_batch_size to a smaller number, or training.device to cpu"
        )
        raise DeviceError(message)
    shown = ", ".join(f"{count}: {1000 * s:.1f}" for count, s in seconds.items())
    logger.info("micro-batch size: ms per subtomogram: %s", shown)
    return min(seconds, key=lambda count: seconds[count])


def time_step(
    network: nn.Module,
    compute: Compute,
    count: int,
    size: int,
    clock: Callable[[], float] = time.perf_counter,
) -> float:
    """Seconds of one forward and backward pass over `count` dummy subtomograms of `size`^3.

    They are not zeros, with which a GPU is faster than with data. Other programs on the machine
    hardly change the time of the clock `time.process_time`.
    """
    shape = (count, size, size, size)
    images = torch.linspace(-3, 3, count * size**3, device=compute.device).half().view(shape)
    classes = torch.zeros(shape, dtype=torch.int64, device=compute.device)
    _wait(compute)
    started = clock()
    cross_entropy(compute.logits(network, images), classes).backward()  # type: ignore[no-untyped-call]
    network.zero_grad()
    _wait(compute)
    return clock() - started


def _wait(compute: Compute) -> None:
    """Wait for a GPU, which computes asynchronously."""
    if compute.device.type == "cuda":
        torch.cuda.synchronize(compute.device)
