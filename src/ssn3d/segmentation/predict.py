"""Masks from images, and trained networks from files of weights."""

import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ssn3d.errors import CheckpointError
from ssn3d.segmentation.checkpoint import read_tensors
from ssn3d.segmentation.compute import Compute
from ssn3d.segmentation.networks import build_network

MICRO_BATCH_SIZE = {"cpu": 4, "cuda": 32}
"""Default number of subtomograms at a time; more are not faster."""


def iterate_logits(
    network: nn.Module,
    images: Tensor,
    rows: NDArray[np.integer[Any]],
    compute: Compute,
    micro_batch_size: int | None = None,
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield rows (m,) and their logits (m, 2, s, s, s) by micro-batch, in evaluation mode."""
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

    The images are standardised, as in a dataset. Each voxel has the class of the larger logit.
    """
    tensor = torch.from_numpy(images)
    masks = np.empty((len(rows), *images.shape[1:]), dtype=np.uint8)
    done = 0
    for some, logits in iterate_logits(network, tensor, rows, compute, micro_batch_size):
        masks[done : done + len(some)] = logits.argmax(dim=1).cpu().numpy()
        done += len(some)
    return masks


def load_network(path: str | os.PathLike[str]) -> tuple[nn.Module, dict[str, Any]]:
    """Read trained weights: the network on the CPU, and the file's record of its training.

    Raises:
        CheckpointError: the file is missing or damaged, or its weights are of another network.
        ConfigError: no network has the name in the file.
    """
    content = read_tensors(path)
    try:
        network = build_network(content["network"], 0.0, torch.Generator())
        network.load_state_dict(content.pop("weights"))
        content["precision"]  # needed to compute with the network
    except (AttributeError, KeyError, RuntimeError, TypeError) as error:
        problem = " ".join(str(error).split())
        message = f"{path}: not the weights of a network ({problem}); repeat the training"
        raise CheckpointError(message) from error
    return network.eval(), content
