"""Checks of a training: its data, its loss, and the network on the validation set."""

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from ssn3d.errors import ConfigError, DataError
from ssn3d.segmentation.compute import Compute
from ssn3d.segmentation.metrics import per_subtomogram_table, summarise
from ssn3d.segmentation.predict import iterate_logits


def check_training_data(
    images: NDArray[Any],
    masks: NDArray[Any],
    train_rows: NDArray[np.integer[Any]],
    validation_rows: NDArray[np.integer[Any]],
    name: str,
) -> None:
    """Raise DataError unless the data can be trained on."""
    if images.shape != masks.shape or images.ndim != 4 or len(set(images.shape[1:])) != 1:  # noqa: PLR2004 -- n cubes
        shapes = f"images {images.shape} and masks {masks.shape}"
        raise DataError(f"{name}: {shapes} must both be of one shape (n, s, s, s)")
    for part, rows in {"train": train_rows, "validation": validation_rows}.items():
        if not len(rows):
            raise DataError(f"{name}: the {part} set is empty; ask for more subtomograms")
        if rows.min() < 0 or rows.max() >= len(images):
            message = f"{name}: the {part} set has rows beyond the {len(images)} subtomograms"
            raise DataError(f"{message}; the split is of another dataset, repeat it")
    if np.intersect1d(train_rows, validation_rows).size:
        raise DataError(f"{name}: subtomograms are in both the train and the validation set")
    if not np.isfinite(images).all() or masks.max() > 1:
        raise DataError(f"{name}: images hold NaN or infinity, or masks values above 1")


def check_finite(loss: float, name: str, epoch: int) -> None:
    """Raise ConfigError where the training has diverged."""
    if not math.isfinite(loss):
        raise ConfigError(
            f"{name}: the loss is {loss} in epoch {epoch}; lower training.learning_rate, or set "
            "training.precision to float32"
        )


def validate(
    network: nn.Module,
    images: Tensor,
    masks: Tensor,
    rows: NDArray[np.integer[Any]],
    *,
    compute: Compute,
    micro_batch_size: int,
) -> tuple[float, dict[str, float]]:
    """Mean loss per voxel and the scores of `metrics.summarise` on some rows of a dataset."""
    loss, predicted = 0.0, []
    for some, logits in iterate_logits(network, images, rows, compute, micro_batch_size):
        loss += float(loss_sum(logits, masks[some]))
        predicted.append(logits.argmax(dim=1).to("cpu", torch.uint8).numpy())
    truth = masks[torch.from_numpy(rows)].cpu().numpy()
    table = per_subtomogram_table(rows, [""] * len(rows), np.concatenate(predicted), truth)
    return loss / truth.size, summarise(table)


def background_percent(masks: Tensor, rows: NDArray[np.integer[Any]]) -> float:
    """Pixel accuracy in percent of "all background" on some rows of a dataset."""
    return 100 * (1 - float(masks[torch.from_numpy(rows)].mean(dtype=torch.float64)))


def loss_sum(logits: Tensor, masks: Tensor) -> Tensor:
    """Cross-entropy summed over voxels; torch's own reduction has no fixed order on a GPU."""
    return cross_entropy(logits, masks.to(logits.device, torch.int64), reduction="none").sum()
