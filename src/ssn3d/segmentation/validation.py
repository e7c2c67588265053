"""How good a network is on the validation set, and what it has to beat."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from ssn3d.segmentation.metrics import per_subtomogram_table, summarise
from ssn3d.segmentation.predict import Compute, iterate_logits


def validate(
    network: nn.Module,
    images: Tensor,
    masks: Tensor,
    rows: NDArray[np.integer[Any]],
    *,
    compute: Compute,
    micro_batch_size: int,
) -> tuple[float, dict[str, float]]:
    """Mean loss a voxel and the scores of `metrics.summarise` on some rows of a dataset."""
    loss, predicted = 0.0, []
    for some, logits in iterate_logits(network, images, rows, compute, micro_batch_size):
        loss += float(loss_sum(logits, masks[some]))
        predicted.append(logits.argmax(dim=1).to("cpu", torch.uint8).numpy())
    truth = masks[torch.from_numpy(rows)].cpu().numpy()
    table = per_subtomogram_table(rows, [""] * len(rows), np.concatenate(predicted), truth)
    return loss / truth.size, summarise(table)


def background_percent(masks: Tensor, rows: NDArray[np.integer[Any]]) -> float:
    """Pixel accuracy of the answer "all background" on some rows of a dataset."""
    return 100 * (1 - float(masks[torch.from_numpy(rows)].mean(dtype=torch.float64)))


def loss_sum(logits: Tensor, masks: Tensor) -> Tensor:
    """Cross-entropy summed over voxels; torch's own sum has no fixed order on a GPU."""
    return cross_entropy(logits, masks.to(logits.device, torch.int64), reduction="none").sum()
