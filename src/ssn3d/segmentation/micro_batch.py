"""How many subtomograms at a time this machine trains fastest with: measured, not guessed."""

import copy
import time

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from ssn3d.errors import DeviceError
from ssn3d.log import logger
from ssn3d.segmentation.predict import Compute

CANDIDATES = {"cpu": (2, 4, 8, 16), "cuda": (8, 32, 128)}
"""Caches favour small ones on a CPU, many cores large ones on a GPU."""
ROUNDS = 3
"""The first one allocates and plans, and is never the fastest."""


def pick_micro_batch_size(network: nn.Module, compute: Compute, size: int, largest: int) -> int:
    """Measure forward and backward passes, and give the number that was fastest a subtomogram.

    Args:
        network: placed by `compute`; stays as it is.
        compute: device and precision.
        size: edge of a subtomogram in voxels.
        largest: more than these there never are; the answer where it is below all candidates.

    Raises:
        DeviceError: the GPU's memory is too small for the smallest candidate.
    """
    candidates = [n for n in CANDIDATES[compute.device.type] if n <= largest] or [largest]
    trial = copy.deepcopy(network).train()
    seconds: dict[int, float] = {}
    for _ in range(ROUNDS):  # turn by turn, so that other work on the machine falls on all of them
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
    logger.info("micro-batch size, ms a subtomogram: %s", shown)
    return min(seconds, key=lambda count: seconds[count])


def time_step(network: nn.Module, compute: Compute, count: int, size: int) -> float:
    """Seconds of one forward and backward pass over `count` made-up subtomograms of `size`^3."""
    images = torch.zeros((count, size, size, size), dtype=torch.float16, device=compute.device)
    classes = torch.zeros(images.shape, dtype=torch.int64, device=compute.device)
    _wait(compute)
    started = time.perf_counter()
    cross_entropy(compute.logits(network, images), classes).backward()  # type: ignore[no-untyped-call]
    network.zero_grad()
    _wait(compute)
    return time.perf_counter() - started


def _wait(compute: Compute) -> None:
    """Wait for a GPU, which works on while Python goes on."""
    if compute.device.type == "cuda":
        torch.cuda.synchronize(compute.device)
