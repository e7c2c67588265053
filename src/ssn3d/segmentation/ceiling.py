"""The best that a network can do whose output is constant in cubes of voxels."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssn3d.segmentation.metrics import per_subtomogram_table, summarise
from ssn3d.segmentation.networks import NETWORKS


def ceiling_miou(network: str, masks: NDArray[np.uint8]) -> float:
    """Highest mIoU in percent that a network's architecture can reach on these masks."""
    best = block_ceiling(masks, NETWORKS[network].block)
    rows = np.arange(len(masks))
    return summarise(per_subtomogram_table(rows, [""] * len(masks), best, masks))["miou"]


def block_ceiling(masks: NDArray[Any], block: int) -> NDArray[np.uint8]:
    """Give the masks that are constant in cubes of `block` voxels and have the highest mIoU.

    Of all choices of k cubes, those that hold most of the region of interest have the highest IoU
    of both classes; so only k has to be tried. No network with such blocks can do better.

    Args:
        masks: (n, s, s, s) of 0 and 1.
        block: edge of the cubes in voxels; divides s.
    """
    n, size, volume = len(masks), masks.shape[-1], block**3
    cubes = size // block
    split = masks.reshape(n, cubes, block, cubes, block, cubes, block)
    held = split.sum(axis=(2, 4, 6), dtype=np.int64).reshape(n, -1)
    order = np.argsort(-held, axis=1, kind="stable")
    best = np.zeros_like(held, dtype=np.uint8)
    for i in range(n):
        true = np.concatenate([[0], np.cumsum(held[i, order[i]])])  # of the first k cubes
        positive, total = volume * np.arange(len(true)), true[-1]
        false_negative, false_positive = total - true, positive - true
        true_negative = masks[i].size - positive - false_negative
        union = np.maximum(true + false_positive + false_negative, 1)
        foreground = np.where(positive + total == 0, 1.0, true / union)
        background_union = np.maximum(true_negative + false_positive + false_negative, 1)
        best[i, order[i, : np.argmax(foreground + true_negative / background_union)]] = 1
    grown = best.reshape(n, cubes, 1, cubes, 1, cubes, 1)
    return np.broadcast_to(grown, split.shape).reshape(masks.shape).copy()
