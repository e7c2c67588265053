"""Metrics and distances of surfaces, against cases worked out by hand, oracles and symmetries."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.ndimage import binary_erosion
from scipy.spatial.distance import cdist
from torchmetrics.classification import BinaryAccuracy, BinaryJaccardIndex

from ssn3d.core.errors import DataError
from ssn3d.segmentation.evaluation.metrics import (
    block_ceilings,
    score_masks,
    summarise,
    surfaces,
)
from ssn3d.segmentation.evaluation.surface_distance import surface_distances

VOXELS = 4**3
MASKS = hnp.arrays(np.uint8, (3, 4, 4, 4), elements=st.integers(0, 1))


def sphere(n=1):
    masks = np.zeros((n, 4, 4, 4), np.uint8)
    masks[:, 1:3, 1:3, 1:3] = 1
    return masks


def test_perfect_prediction():
    summary = summarise(score_masks(sphere(2), sphere(2)))
    assert summary.pop("subtomograms") == 2
    assert summary.pop("errors_per_surface_voxel") == 0
    assert set(summary.values()) == {100.0}


def test_empty_and_full_masks():
    empty, full, share = np.zeros_like(sphere()), np.ones_like(sphere()), 100 * 56 / 64
    columns = ["pixel_accuracy", "iou_background", "iou_foreground"]
    for predicted, truth, expected in (
        (empty, sphere(), (share, share, 0)),
        (sphere(), empty, (share, share, 0)),
        (empty, empty, (100, 100, 100)),
        (full, full, (100, 100, 100)),
    ):
        assert score_masks(predicted, truth)[columns].iloc[0].tolist() == pytest.approx(expected)


COUNTS = ["true_positive", "false_positive", "false_negative", "true_negative"]


def test_counts_of_a_shifted_cube():
    table = score_masks(np.roll(sphere(), 1, axis=3), sphere())
    assert table[COUNTS].to_numpy().tolist() == [[4, 4, 4, 52]]


def test_mean_and_pooled_miou():
    truth = sphere(2)
    truth[1, 0] = 1  # a large mask ...
    predicted = truth.copy()
    predicted[0] = 0  # ... found, and a small one missed
    summary = summarise(score_masks(predicted, truth))
    assert summary["miou"] == pytest.approx((100 * (56 / 64 + 1) / 2 + 50) / 2)
    assert summary["iou_foreground"] == pytest.approx(50)
    assert summary["pooled_miou"] == pytest.approx(100 * (24 / 32 + 96 / 104) / 2)


@settings(max_examples=20)
@given(predicted=MASKS, truth=MASKS)
def test_agrees_with_torchmetrics(predicted, truth):
    table = score_masks(predicted, truth)
    for i, row in table.iterrows():
        pair = torch.from_numpy(predicted[i].ravel()), torch.from_numpy(truth[i].ravel())
        flipped = 1 - pair[0], 1 - pair[1]
        accuracy = 100 * float(BinaryAccuracy()(*pair))
        assert row["pixel_accuracy"] == pytest.approx(accuracy, rel=1e-5)
        for column, (p, t) in {"iou_foreground": pair, "iou_background": flipped}.items():
            expected = 100 * float(BinaryJaccardIndex(zero_division=1)(p, t))
            assert row[column] == pytest.approx(expected, rel=1e-5)


@given(predicted=MASKS, truth=MASKS)
def test_counts_are_complete_and_symmetric(predicted, truth):
    one, other = score_masks(predicted, truth)[COUNTS], score_masks(truth, predicted)[COUNTS]
    assert (one.sum(axis=1) == VOXELS).all()
    assert (one["false_positive"] == other["false_negative"]).all()
    assert (one["true_positive"] == other["true_positive"]).all()


def test_dtype_and_memory_order():
    expected = score_masks(np.roll(sphere(3), 1, axis=1), sphere(3))
    for dtype in (np.bool_, np.int64, np.int8):
        predicted = np.asfortranarray(np.roll(sphere(3), 1, axis=1).astype(dtype))
        assert score_masks(predicted, sphere(3)).equals(expected)


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
def test_other_values_and_shapes(predicted, truth):
    with pytest.raises(DataError):
        score_masks(predicted, truth)


def test_summary_without_rows():
    with pytest.raises(DataError, match="no subtomograms"):
        summarise(score_masks(sphere(0), sphere(0)))


@given(MASKS)
def test_surface_equals_erosion(masks):
    """Beyond the border there is no background: a mask cut off there has no face on it."""
    eroded = [binary_erosion(mask, border_value=1) for mask in masks]
    assert surfaces(masks).sum(axis=(1, 2, 3)).tolist() == [
        np.count_nonzero(mask) - np.count_nonzero(kept)
        for mask, kept in zip(masks, eroded, strict=True)
    ]


def test_errors_per_surface_voxel():
    predicted = np.roll(sphere(2), 1, axis=3)  # 8 of its 64 voxels are wrong, 8 on the surface
    assert summarise(score_masks(predicted, sphere(2)))["errors_per_surface_voxel"] == 1.0
    assert summarise(score_masks(predicted, 0 * sphere(2)))["errors_per_surface_voxel"] == 16.0


@settings(max_examples=20)
@given(MASKS)
def test_ceilings_are_the_best_of_all_block_masks(masks):
    choices = np.array(list(np.ndindex((2,) * 8)), np.uint8).reshape(-1, 2, 2, 2)
    answers = choices.repeat(2, axis=1).repeat(2, axis=2).repeat(2, axis=3)
    found = block_ceilings(masks, 2)
    for mask, (_, row) in zip(masks, found.iterrows(), strict=True):
        scores = score_masks(answers, np.broadcast_to(mask, answers.shape))
        mious = scores[["iou_background", "iou_foreground"]].mean(axis=1)
        accuracy = scores["pixel_accuracy"]
        assert row["ceiling_miou"] == pytest.approx(mious.max())
        assert row["ceiling_pixel_accuracy"] == pytest.approx(accuracy.max())
        most_accurate = mious[accuracy > accuracy.max() - 1e-9]
        assert most_accurate.min() - 1e-9 <= row["accurate_miou"] <= most_accurate.max() + 1e-9
    assert (block_ceilings(masks, 1) == 100).all(axis=None)


def test_ceiling_falls_with_block():
    axis = np.arange(40) - 19.3
    radius = (1350 / (4 / 3 * np.pi)) ** (1 / 3)  # the paper's mean mask
    z, y, x = np.meshgrid(axis, axis, axis, indexing="ij")
    masks = (z**2 + y**2 + x**2 < radius**2).astype(np.uint8)[None]
    ceilings = {block: block_ceilings(masks, block)["ceiling_miou"][0] for block in (1, 2, 8)}
    assert ceilings[1] == 100
    assert 88 < ceilings[2] < 97
    assert 60 < ceilings[8] < 85


CUBES = hnp.arrays(np.uint8, (2, 5, 5, 5), elements=st.integers(0, 1))
DIAGONAL = 4 * np.sqrt(3)


@settings(max_examples=50)
@given(predicted=CUBES, truth=CUBES)
def test_mean_over_both_surfaces(predicted, truth):
    found = surface_distances(predicted, truth)
    assert found == pytest.approx(surface_distances(truth, predicted))
    for one, other, distance in zip(surfaces(predicted), surfaces(truth), found, strict=True):
        if one.any() and other.any():
            apart = cdist(np.argwhere(one), np.argwhere(other))
            nearest = np.concatenate([apart.min(axis=1), apart.min(axis=0)])
            assert distance == pytest.approx(nearest.mean())
        else:
            assert distance == pytest.approx(DIAGONAL * (one.any() or other.any()))


def test_shifted_plane():
    one, other = np.zeros((2, 1, 9, 9, 9), bool)
    one[:, :3], other[:, :5] = True, True
    assert surface_distances(one, other) == pytest.approx(2.0)
    assert surface_distances(one, one) == pytest.approx(0.0)


def test_missing_surfaces():
    empty, ball = np.zeros((2, 1, 5, 5, 5), np.uint8)
    ball[:, 2, 2, 2] = 1
    full = np.ones_like(ball)  # without background there is no surface either
    assert surface_distances(empty, ball) == pytest.approx(DIAGONAL)
    assert surface_distances(ball, full) == pytest.approx(DIAGONAL)
    assert surface_distances(empty, full) == surface_distances(empty, empty) == 0
