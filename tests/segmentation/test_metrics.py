"""Metrics against cases worked out by hand, torchmetrics and their symmetries."""

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from torchmetrics.classification import BinaryAccuracy, BinaryJaccardIndex

from ssn3d.errors import DataError
from ssn3d.segmentation.metrics import confusion_counts, per_subtomogram_table, summarise

VOXELS = 4**3
MASKS = hnp.arrays(np.uint8, (3, 4, 4, 4), elements=st.integers(0, 1))


def sphere(n: int = 1) -> np.ndarray:
    masks = np.zeros((n, 4, 4, 4), np.uint8)
    masks[:, 1:3, 1:3, 1:3] = 1
    return masks


def table_of(predicted: np.ndarray, truth: np.ndarray) -> pd.DataFrame:
    return per_subtomogram_table(range(len(truth)), ["1KP8"] * len(truth), predicted, truth)


def test_perfect_prediction_scores_100() -> None:
    summary = summarise(table_of(sphere(2), sphere(2)))
    subtomograms = summary.pop("subtomograms")
    assert subtomograms == 2
    assert set(summary.values()) == {100.0}


def test_empty_prediction_scores_the_share_of_background() -> None:
    row = table_of(np.zeros_like(sphere()), sphere()).iloc[0]
    assert row["pixel_accuracy"] == pytest.approx(100 * 56 / 64)
    assert row["iou_background"] == pytest.approx(100 * 56 / 64)
    assert row["iou_foreground"] == 0


def test_empty_truth_scores_100_only_with_an_empty_prediction() -> None:
    empty = np.zeros_like(sphere())
    assert table_of(empty, empty).iloc[0]["iou_foreground"] == 100
    row = table_of(sphere(), empty).iloc[0]
    assert row["iou_foreground"] == 0
    assert row["iou_background"] == pytest.approx(100 * 56 / 64)


def test_full_truth_and_prediction_score_100_on_the_background() -> None:
    full = np.ones_like(sphere())
    assert table_of(full, full).iloc[0]["iou_background"] == 100


def test_counts_of_a_shifted_cube() -> None:
    counts = confusion_counts(np.roll(sphere(), 1, axis=3), sphere())
    assert {name: int(count[0]) for name, count in counts.items()} == {
        "true_positive": 4,
        "false_positive": 4,
        "false_negative": 4,
        "true_negative": 52,
    }


def test_mean_over_subtomograms_is_not_the_pooled_one() -> None:
    truth = sphere(2)
    truth[1, 0] = 1  # a large mask ...
    predicted = truth.copy()
    predicted[0] = 0  # ... found, and a small one missed
    summary = summarise(table_of(predicted, truth))
    assert summary["miou"] == pytest.approx((100 * (56 / 64 + 1) / 2 + 50) / 2)
    assert summary["iou_foreground"] == pytest.approx(50)
    assert summary["pooled_miou"] == pytest.approx(100 * (24 / 32 + 96 / 104) / 2)


@given(predicted=MASKS, truth=MASKS)
def test_agrees_with_torchmetrics(predicted: np.ndarray, truth: np.ndarray) -> None:
    table = table_of(predicted, truth)
    for i, row in table.iterrows():
        pair = torch.from_numpy(predicted[i].ravel()), torch.from_numpy(truth[i].ravel())
        flipped = 1 - pair[0], 1 - pair[1]
        accuracy = 100 * float(BinaryAccuracy()(*pair))
        assert row["pixel_accuracy"] == pytest.approx(accuracy, rel=1e-5)
        for column, (p, t) in {"iou_foreground": pair, "iou_background": flipped}.items():
            expected = 100 * float(BinaryJaccardIndex(zero_division=1)(p, t))
            assert row[column] == pytest.approx(expected, rel=1e-5)


@given(predicted=MASKS, truth=MASKS)
def test_counts_cover_all_voxels_and_swap(predicted: np.ndarray, truth: np.ndarray) -> None:
    one, other = confusion_counts(predicted, truth), confusion_counts(truth, predicted)
    assert (sum(one.values()) == VOXELS).all()
    assert (one["false_positive"] == other["false_negative"]).all()
    assert (one["true_positive"] == other["true_positive"]).all()


def test_dtypes_and_memory_order_do_not_matter() -> None:
    expected = confusion_counts(np.roll(sphere(3), 1, axis=1), sphere(3))
    for dtype in (np.bool_, np.int64, np.int8):
        predicted = np.asfortranarray(np.roll(sphere(3), 1, axis=1).astype(dtype))
        counts = confusion_counts(predicted, sphere(3))
        assert all((counts[name] == expected[name]).all() for name in expected)


def test_outcomes_and_rows_are_kept() -> None:
    table = per_subtomogram_table([7, 3], ["1KP8", "2AWB"], sphere(2), sphere(2), ["lost", "found"])
    assert table["subtomogram"].tolist() == [7, 3]
    assert table["pdb_id"].tolist() == ["1KP8", "2AWB"]
    assert table["outcome"].tolist() == ["lost", "found"]


@pytest.mark.parametrize(
    ("predicted", "truth"),
    [
        (sphere(2), sphere(1)),
        (sphere() * 2, sphere()),
        (sphere().astype(np.float32), sphere()),
        (sphere(), sphere().astype(np.int64) - 1),
    ],
    ids=["shape", "value 2", "probabilities", "negative"],
)
def test_anything_but_masks_is_refused(predicted: np.ndarray, truth: np.ndarray) -> None:
    with pytest.raises(DataError):
        confusion_counts(predicted, truth)


def test_lengths_must_agree_and_a_summary_needs_rows() -> None:
    with pytest.raises(DataError, match="length"):
        per_subtomogram_table([1], ["1KP8", "2AWB"], sphere(2), sphere(2))
    with pytest.raises(DataError, match="no subtomograms"):
        summarise(table_of(sphere(0), sphere(0)))
