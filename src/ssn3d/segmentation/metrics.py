"""Agreement of masks with the truth: pixel accuracy and intersection over union (IoU).

The mIoU of the paper's tables is a mean over subtomograms of each class's IoU, then over the two
classes, background and foreground. All figures are in percent. A class that neither the prediction
nor the truth holds has an IoU of 100.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ssn3d.errors import DataError

SEGMENTED = "segmented"


def confusion_counts(predicted: NDArray[Any], truth: NDArray[Any]) -> dict[str, NDArray[np.int64]]:
    """Count the voxels of each kind, one subtomogram a row.

    Args:
        predicted: masks (n, ...), bool or integers of 0 and 1.
        truth: masks of the same shape.

    Returns:
        (n,) counts `true_positive`, `false_positive`, `false_negative`, `true_negative`.

    Raises:
        DataError: the shapes differ, or a mask holds values other than 0 and 1.
    """
    if predicted.shape != truth.shape:
        message = f"masks: predicted {predicted.shape} and true {truth.shape} differ in shape"
        raise DataError(message)
    flat_predicted = _as_bool_rows(predicted, "predicted masks")
    flat_truth = _as_bool_rows(truth, "true masks")
    voxels = flat_truth.shape[1]
    both = np.count_nonzero(flat_predicted & flat_truth, axis=1).astype(np.int64)
    in_predicted = np.count_nonzero(flat_predicted, axis=1).astype(np.int64)
    in_truth = np.count_nonzero(flat_truth, axis=1).astype(np.int64)
    return {
        "true_positive": both,
        "false_positive": in_predicted - both,
        "false_negative": in_truth - both,
        "true_negative": voxels - in_predicted - in_truth + both,
    }


def per_subtomogram_table(
    rows: Sequence[int] | NDArray[np.integer[Any]],
    pdb_ids: Sequence[str] | NDArray[np.str_],
    predicted: NDArray[Any],
    truth: NDArray[Any],
    outcomes: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Compare masks with the truth, one subtomogram a row.

    Args:
        rows: (n,) rows of the subtomograms in their dataset.
        pdb_ids: (n,) identifiers of the structures.
        predicted: (n, s, s, s) masks of 0 and 1.
        truth: (n, s, s, s) masks of 0 and 1.
        outcomes: (n,) of the segmentation; default "segmented".

    Returns:
        Columns subtomogram, pdb_id, outcome, pixel_accuracy, iou_background, iou_foreground (in
        percent), true_positive, false_positive, false_negative, true_negative.

    Raises:
        DataError: lengths or shapes differ, or a mask holds values other than 0 and 1.
    """
    outcomes = [SEGMENTED] * len(truth) if outcomes is None else outcomes
    lengths = {len(rows), len(pdb_ids), len(predicted), len(truth), len(outcomes)}
    if len(lengths) > 1:
        message = f"metrics: rows, IDs, masks and outcomes differ in length: {sorted(lengths)}"
        raise DataError(message)
    counts = confusion_counts(predicted, truth)
    tp, fp = counts["true_positive"], counts["false_positive"]
    fn, tn = counts["false_negative"], counts["true_negative"]
    table = {
        "subtomogram": np.asarray(rows, dtype=np.int64),
        "pdb_id": np.asarray(pdb_ids, dtype=np.str_),
        "outcome": list(outcomes),
        "pixel_accuracy": 100.0 * (tp + tn) / (tp + fp + fn + tn),
        "iou_background": _iou_percent(tn, fp + fn),
        "iou_foreground": _iou_percent(tp, fp + fn),
    }
    return pd.DataFrame(table | counts)


def summarise(table: pd.DataFrame) -> dict[str, float]:
    """Means in percent over the subtomograms of a table of `per_subtomogram_table`.

    `miou` is the paper's; `iou_foreground` leaves the background out; `pooled_miou` comes from one
    confusion matrix over all voxels. `subtomograms` counts the rows.

    Raises:
        DataError: the table has no rows.
    """
    if table.empty:
        message = "metrics: no subtomograms to summarise; the test set is empty"
        raise DataError(message)
    wrong = table["false_positive"].sum() + table["false_negative"].sum()
    pooled = [_iou_percent(table[kind].sum(), wrong) for kind in ("true_negative", "true_positive")]
    means = table[["pixel_accuracy", "iou_background", "iou_foreground"]].mean()
    return {
        "pixel_accuracy": float(means["pixel_accuracy"]),
        "miou": float((means["iou_background"] + means["iou_foreground"]) / 2),
        "iou_foreground": float(means["iou_foreground"]),
        "pooled_miou": float(np.mean(pooled)),
        "subtomograms": len(table),
    }


def ceiling_miou(masks: NDArray[np.uint8], block: int) -> float:
    """Highest mIoU in percent on these masks of a network with an output constant in blocks."""
    best = block_ceiling(masks, block)
    rows = np.arange(len(masks))
    return summarise(per_subtomogram_table(rows, [""] * len(masks), best, masks))["miou"]


def block_ceiling(masks: NDArray[Any], block: int) -> NDArray[np.uint8]:
    """Masks, constant in cubes of `block` voxels, with the highest possible mIoU.

    Of all choices of k cubes, those with most of the region of interest have the highest IoU of
    both classes, so that only k has to be tried.

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


def _iou_percent(intersection: Any, wrong: Any) -> Any:
    """IoU in percent; the union is the intersection plus the wrong voxels."""
    union = intersection + wrong
    return np.where(union > 0, 100.0 * intersection / np.maximum(union, 1), 100.0)


def _as_bool_rows(masks: NDArray[Any], name: str) -> NDArray[np.bool_]:
    """Flatten masks (n, ...) to bool (n, voxels); anything but 0 and 1 is an error."""
    flat = np.ascontiguousarray(masks).reshape(len(masks), int(np.prod(masks.shape[1:])))
    if flat.dtype.kind not in "bui" or (flat.size and (flat.min() < 0 or flat.max() > 1)):
        message = f"{name}: hold values other than 0 and 1 (dtype {masks.dtype})"
        raise DataError(message)
    # a view of bytes of 0 and 1 needs no copy
    return flat.view(np.bool_) if flat.itemsize == 1 else flat.astype(np.bool_)
