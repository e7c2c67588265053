"""Masks of subtomograms, and trained networks from files of weights."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ssn3d.core.classes import MACROMOLECULE
from ssn3d.core.errors import CheckpointError
from ssn3d.io.files import PathLike
from ssn3d.segmentation.inference.compute import Compute, deterministic
from ssn3d.segmentation.networks.registry import build_network
from ssn3d.segmentation.training.batches import Rows, Source
from ssn3d.segmentation.training.checkpoint import read_tensors
from ssn3d.subtomograms.samples import Samples, groups_of

MICRO_BATCH_SIZE = {"cpu": 4, "cuda": 32}
"""Subtomograms per batch; larger batches are not faster."""


def predict_batches(
    network: nn.Module, source: Source, groups: Sequence[Rows], compute: Compute
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield logits (m, classes, s, s, s) and true masks (m, s, s, s) of each group of rows."""
    network.eval()
    with torch.inference_mode(), deterministic():
        for images, masks in source.batches(groups):
            yield compute.logits(network, images), masks


def predict_masks(
    network: nn.Module, samples: Samples, rows: NDArray[np.integer[Any]], compute: Compute
) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
    """Segment the subtomograms at `rows`, batch by batch.

    Yields predicted and true masks (m, s, s, s) of macromolecule; a voxel's class is that of the
    largest logit.
    """
    groups = groups_of(rows, MICRO_BATCH_SIZE[compute.device.type])
    source = Source(samples, compute)
    source.hold(np.asarray(rows, dtype=np.int64))
    for logits, truth in predict_batches(network, source, groups, compute):
        masks = (logits.argmax(dim=1), truth)
        found, true = ((m == MACROMOLECULE).to(torch.uint8).cpu().numpy() for m in masks)
        yield found, true


def load_network(path: PathLike) -> tuple[nn.Module, dict[str, Any]]:
    """Read a network, placed on the CPU, and the record of its training from a file of weights.

    Raises:
        CheckpointError: the file is missing or damaged, or its weights do not fit the network.
        ConfigError: the network's name is unknown.
    """
    content = read_tensors(path)
    try:
        network = build_network(content["network"], 0.0, torch.Generator())
        network.load_state_dict(content.pop("weights"))
        content["precision"]  # a file without it is damaged
    except (AttributeError, LookupError, RuntimeError, TypeError) as error:
        problem = " ".join(str(error).split())
        message = f"{path}: not the weights of a network ({problem}); repeat the training"
        raise CheckpointError(message) from error
    return network.eval(), content
