"""Agreement of predicted with true masks: pixel accuracy and intersection over union (IoU).

The paper's mIoU is the mean over subtomograms of each class's IoU, then over both classes,
background and foreground. Scores are in percent. The IoU of a class that neither the prediction nor
the truth contains is 100.
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ssn3d.core.errors import DataError

SEGMENTED = "segmented"


def score_masks(predicted: NDArray[Any], truth: NDArray[Any]) -> pd.DataFrame:
    """Compare masks (n, s, s, s) of 0 and 1 with the truth, one row per subtomogram.

    Returns:
        Columns pixel_accuracy, iou_background, iou_foreground (in percent), true_positive,
        false_positive, false_negative, true_negative, and surface, the number of voxels of the true
        mask that share a face with the background.

    Raises DataError if the shapes differ, or a mask holds values other than 0 and 1.
    """
    if predicted.shape != truth.shape:
        raise DataError(f"masks: predicted {predicted.shape} and true {truth.shape} differ")
    found, true = _as_bool_rows(predicted, "predicted masks"), _as_bool_rows(truth, "true masks")
    sums = (np.count_nonzero(mask, axis=1).astype(np.int64) for mask in (found & true, found, true))
    table = scores_of_sums(*sums, voxels=true.shape[1])
    return table.assign(surface=surfaces(truth).sum(axis=(1, 2, 3)))


def scores_of_sums(
    both: NDArray[np.int64],
    in_predicted: NDArray[np.int64],
    in_truth: NDArray[np.int64],
    *,
    voxels: int,
) -> pd.DataFrame:
    """Compute the table of `score_masks`, without the surface, from numbers of voxels.

    They are those (n,) of the intersection, the predicted and the true masks, and of a subtomogram.
    """
    wrong = in_predicted + in_truth - 2 * both
    true_negative = voxels - in_predicted - in_truth + both
    columns = {
        "pixel_accuracy": 100.0 * (voxels - wrong) / voxels,
        "iou_background": _iou_percent(true_negative, wrong),
        "iou_foreground": _iou_percent(both, wrong),
        "true_positive": both,
        "false_positive": in_predicted - both,
        "false_negative": in_truth - both,
        "true_negative": true_negative,
    }
    return pd.DataFrame(columns)


def surfaces(masks: NDArray[Any]) -> NDArray[np.bool_]:
    """Mark the voxels of masks (n, s, s, s) that share a face with the background."""
    inside = masks.astype(bool)
    deep = inside.copy()
    for axis in (1, 2, 3):
        rolled = np.moveaxis(inside, axis, 1)
        kept = np.moveaxis(deep, axis, 1)
        kept[:, 1:] &= rolled[:, :-1]
        kept[:, :-1] &= rolled[:, 1:]
    return np.asarray(inside & ~deep)


def summarise(table: pd.DataFrame) -> dict[str, float]:
    """Means in percent over the subtomograms of a table of `score_masks`.

    `miou` is the paper's; `pooled_miou` comes from one confusion matrix of all voxels.
    `errors_per_surface_voxel`, wrong voxels / surface voxels of the true masks, is comparable
    across definitions of the mask. Raises DataError if the table has no rows.
    """
    if table.empty:
        raise DataError("metrics: no subtomograms to summarise; the test set is empty")
    wrong = table["false_positive"].sum() + table["false_negative"].sum()
    pooled = [_iou_percent(table[kind].sum(), wrong) for kind in ("true_negative", "true_positive")]
    return {
        **mean_scores(table),
        "pooled_miou": float(np.mean(pooled)),
        "errors_per_surface_voxel": float(wrong / max(table["surface"].sum(), 1)),
        "subtomograms": len(table),
    }


def mean_scores(table: pd.DataFrame) -> dict[str, float]:
    """Mean pixel accuracy, mIoU and foreground IoU, as in `summarise`."""
    means = table[["pixel_accuracy", "iou_background", "iou_foreground"]].mean()
    return {
        "pixel_accuracy": float(means["pixel_accuracy"]),
        "miou": float((means["iou_background"] + means["iou_foreground"]) / 2),
        "iou_foreground": float(means["iou_foreground"]),
    }


def block_ceilings(masks: NDArray[np.uint8], block: int) -> pd.DataFrame:
    """Compute the best scores, in percent, of masks that are constant in cubes of `block`^3 voxels.

    `masks` (n, s, s, s) of 0 and 1 are the truth; `block` divides s.

    Returns:
        One row per subtomogram: `ceiling_miou` of the mask of highest mIoU, and
        `ceiling_pixel_accuracy` and `accurate_miou` of the mask of highest pixel accuracy, to which
        cross-entropy leads.
    """
    names = ["ceiling_miou", "ceiling_pixel_accuracy", "accurate_miou"]
    if block == 1:  # no limit
        return pd.DataFrame(100.0, range(len(masks)), names)
    n, size = len(masks), masks.shape[-1]
    cubes = size // block
    split = masks.reshape(n, cubes, block, cubes, block, cubes, block)
    held = split.sum(axis=(2, 4, 6), dtype=np.int64).reshape(n, -1)

    def scores(answer: NDArray[np.bool_]) -> pd.DataFrame:
        grown = answer.reshape(n, cubes, 1, cubes, 1, cubes, 1)
        return score_masks(np.broadcast_to(grown, split.shape).reshape(masks.shape), masks)

    best, accurate = scores(_cubes_of_highest_miou(held, block**3)), scores(2 * held > block**3)
    values = miou(best), accurate["pixel_accuracy"], miou(accurate)
    return pd.DataFrame(dict(zip(names, values, strict=True)))


def miou(table: pd.DataFrame) -> "pd.Series[float]":
    """Mean IoU of the two classes of each subtomogram of a table of `score_masks`, in percent."""
    return (table["iou_background"] + table["iou_foreground"]) / 2


def _cubes_of_highest_miou(held: NDArray[np.int64], volume: int) -> NDArray[np.bool_]:
    """Choose the cubes (n, m) of highest mIoU; each holds `held` mask voxels among `volume`.

    Of all choices of k cubes, those with most of the mask have the highest IoU of both classes, so
    that only k has to be tried.
    """
    order = np.argsort(-held, axis=1, kind="stable")
    best = np.zeros_like(held, dtype=bool)
    for i in range(len(held)):
        true = np.concatenate([[0], np.cumsum(held[i, order[i]])])  # of the first k cubes
        positive, total = volume * np.arange(len(true)), true[-1]
        wrong = (total - true) + (positive - true)
        true_negative = volume * held.shape[1] - true - wrong
        foreground = np.where(positive + total == 0, 1.0, true / np.maximum(true + wrong, 1))
        background = true_negative / np.maximum(true_negative + wrong, 1)
        best[i, order[i, : np.argmax(foreground + background)]] = True
    return best


def _iou_percent(intersection: Any, wrong: Any) -> Any:
    """IoU in percent; the union is the intersection plus the wrong voxels."""
    union = intersection + wrong
    return np.where(union > 0, 100.0 * intersection / np.maximum(union, 1), 100.0)


def _as_bool_rows(masks: NDArray[Any], name: str) -> NDArray[np.bool_]:
    """Flatten masks (n, ...) to bool (n, voxels); DataError for values other than 0 and 1."""
    flat = np.ascontiguousarray(masks).reshape(len(masks), int(np.prod(masks.shape[1:])))
    if flat.dtype.kind not in "bui" or (flat.size and (flat.min() < 0 or flat.max() > 1)):
        raise DataError(f"{name}: hold values other than 0 and 1 (dtype {masks.dtype})")
    # a view of bytes of 0 and 1 needs no copy
    return flat.view(np.bool_) if flat.itemsize == 1 else flat.astype(np.bool_)
