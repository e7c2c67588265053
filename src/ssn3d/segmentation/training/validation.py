"""Checks of a training's data and loss, and the network's scores on the validation set."""

import math
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from ssn3d.core.classes import MACROMOLECULE
from ssn3d.core.errors import ConfigError, DataError
from ssn3d.segmentation.evaluation.metrics import scores_of_sums
from ssn3d.segmentation.inference.compute import Compute
from ssn3d.segmentation.inference.predict import predict_batches
from ssn3d.segmentation.training.batches import Source
from ssn3d.subtomograms.samples import Samples, groups_of


def check_rows(
    samples: Samples,
    train_rows: NDArray[np.integer[Any]],
    validation_rows: NDArray[np.integer[Any]],
    name: str,
    processes: int,
) -> None:
    """Raise DataError unless there are rows to train on and, for each process, to validate on."""
    for part, rows in {"train": train_rows, "validation": validation_rows}.items():
        if not len(rows):
            raise DataError(f"{name}: the {part} set is empty; extract more subtomograms")
        if rows.min() < 0 or rows.max() >= len(samples):
            message = f"{name}: the {part} set has rows beyond the {len(samples)} subtomograms"
            raise DataError(f"{message}; repeat the split, which is of another dataset")
    if processes > len(validation_rows):
        raise DataError(
            f"{name}: {processes} processes for {len(validation_rows)} validation subtomograms; "
            "use fewer (gpus_per_training)"
        )
    if np.intersect1d(train_rows, validation_rows).size:
        raise DataError(f"{name}: subtomograms are in both the train and the validation set")


def check_finite(loss: float, name: str, epoch: int) -> None:
    """Raise ConfigError if the training has diverged."""
    if not math.isfinite(loss):
        raise ConfigError(
            f"{name}: the loss is {loss} in epoch {epoch}; lower training.learning_rate, or set "
            "training.precision to float32"
        )


def validate(
    network: nn.Module,
    source: Source,
    rows: NDArray[np.integer[Any]],
    *,
    compute: Compute,
    micro_batch_size: int,
) -> tuple[float, pd.DataFrame]:
    """Compute the loss summed over all voxels, and the table of `metrics.scores_of_sums`.

    Counts stay on the device until the end, so that a GPU never waits.
    """
    loss, sums = torch.zeros((), device=compute.device), []
    for logits, truth in predict_batches(
        network, source, groups_of(rows, micro_batch_size), compute
    ):
        masks = truth.to(compute.device, non_blocking=True)
        loss += loss_sum(logits, masks)
        found, there = ((m == MACROMOLECULE).flatten(1) for m in (logits.argmax(dim=1), masks))
        sums.append(torch.stack([(found & there).sum(1), found.sum(1), there.sum(1)]))
    return float(loss), scores_of_sums(
        *torch.cat(sums, dim=1).cpu().numpy(), voxels=masks[0].numel()
    )


def background_percent(source: Source, rows: NDArray[np.integer[Any]]) -> float:
    """Pixel accuracy in percent of "all background" on some rows."""
    means = [
        float((m == MACROMOLECULE).mean(dtype=torch.float64)) * len(m)
        for _, m in source.batches(groups_of(rows))
    ]
    return 100 * (1 - sum(means) / len(rows))


def loss_sum(logits: Tensor, masks: Tensor, weights: Tensor | None = None) -> Tensor:
    """Cross-entropy summed over voxels; torch's own reduction has no fixed order on a GPU.

    `weights` are those of the classes, None for 1.
    """
    classes = masks.to(logits.device, non_blocking=True).to(torch.int64)  # converted on the GPU
    return cross_entropy(logits, classes, weight=weights, reduction="none").sum()
