from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from ssn3d.report.figures_scores import (
    iou_against_mask_size,
    iou_per_class,
    table3_against_paper,
)
from ssn3d.report.figures_segmentation import (
    Example,
    pick_examples,
    training_curves,
    truth_and_prediction,
)
from ssn3d.report.style import SERIES

Scores = Callable[..., pd.DataFrame]


def history(top: float, epochs: int = 12) -> pd.DataFrame:
    """Curves that level off at a validation mIoU of `top`."""
    epoch = np.arange(1, epochs + 1)
    rise = 1 - np.exp(-epoch / 4)
    loss = 0.12 - 0.1 * rise
    curves = {"train_loss": loss, "validation_loss": loss + 0.01, "validation_miou": top * rise}
    return pd.DataFrame({"epoch": epoch, "validation_pixel_accuracy": 97 + 2 * rise} | curves)


def test_examples_are_the_best_the_median_and_the_worst_of_each_class(
    make_scores: Scores,
) -> None:
    scores = make_scores(["1KP8", "2GLS"] * 7)
    picked = pick_examples(scores, ["2GLS", "9XYZ", "1KP8"])
    assert list(picked["pdb_id"]) == ["2GLS"] * 3 + ["1KP8"] * 3
    assert list(picked["rank"]) == ["best", "median", "worst"] * 2
    for pdb_id, rows in picked.groupby("pdb_id"):
        ious = scores.loc[scores["pdb_id"] == pdb_id, "iou_foreground"]
        expected = [ious.max(), ious.median(), ious.min()]
        np.testing.assert_allclose(rows["iou_foreground"], expected)
    assert pick_examples(scores, ["9XYZ"]).empty


def test_truth_and_prediction_stand_side_by_side() -> None:
    image = np.random.default_rng(0).normal(size=(8, 8, 8)).astype(np.float16)
    truth = np.zeros((8, 8, 8), dtype=np.uint8)
    truth[2:6, 2:6, 3:7] = 1
    full, empty = Example("best", image, truth, truth), Example("worst", image, truth, 0 * truth)
    panels = truth_and_prediction([full, empty], 10.0).axes
    assert len(panels) == 10
    titles = [panel.get_title().splitlines()[0] for panel in panels[:5]]
    assert titles == ["subtomogram", "truth", "prediction", "truth", "prediction"]
    np.testing.assert_array_equal(panels[1].images[0].get_array(), 1 - truth[4])  # dark
    assert panels[2].images[0].get_clim() == (0, 1)
    assert [len(panel.texts) for panel in panels] == [0] * 9 + [1]  # "empty"
    assert panels[5].get_ylabel().startswith("worst")


def test_curves_of_a_few_runs_are_told_apart_and_the_kept_epoch_is_ringed() -> None:
    histories = {"SSN3D-v1, A": history(70), "SSN3D-ED, A": history(86)}
    figure = training_curves(histories, {"SSN3D-v1, A": 9, "SSN3D-ED, A": 12})
    loss, _, miou = figure.axes
    assert loss.get_yscale() == "log"
    assert len(loss.lines) == 4  # training and validation
    curves = [line for line in miou.lines if len(line.get_xdata()) > 1]
    assert [line.get_label() for line in curves] == list(histories)
    np.testing.assert_array_equal(
        curves[1].get_ydata(), histories["SSN3D-ED, A"]["validation_miou"]
    )
    rings = [line.get_xydata()[0] for line in miou.lines if len(line.get_xdata()) == 1]
    assert rings[0] == pytest.approx((9, histories["SSN3D-v1, A"]["validation_miou"][8]))
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == list(histories)


def test_a_single_epoch_is_a_point_that_is_seen() -> None:
    loss, *_ = training_curves({"SSN3D-ED, A": history(86, 1)}, {"SSN3D-ED, A": 1}).axes
    assert {line.get_marker() for line in loss.lines} == {"."}


def test_runs_too_many_to_tell_apart_share_one_name() -> None:
    histories = {f"run {i}": history(70 + i) for i in range(len(SERIES) + 4)}
    figure = training_curves(histories, dict.fromkeys(histories, 5))
    (legend,) = figure.legends
    names = [text.get_text() for text in legend.get_texts()]
    assert names == [*list(histories)[: len(SERIES)], "4 more"]
    assert sum(len(line.get_xdata()) > 1 for line in figure.axes[2].lines) == len(histories)


def test_classes_are_sorted_by_mask_size_with_a_mark_for_each_snr(make_scores: Scores) -> None:
    large = make_scores(["2AWB"] * 8, size=0.4)
    small = make_scores(["1LB3"] * 8, size=0.05, seed=1)
    good = pd.concat([large, small])
    figure = iou_per_class({"A, SNR 0.5": good, "C, SNR 0.01": small})
    (axes,) = figure.axes
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["1LB3", "2AWB"]
    first, second = axes.lines
    means = [small["iou_foreground"].mean(), large["iou_foreground"].mean()]
    np.testing.assert_allclose(first.get_ydata(), means)
    np.testing.assert_allclose(second.get_ydata(), [means[0], np.nan])  # no such class in C
    assert (first.get_xdata() < second.get_xdata()).all()  # side by side
    assert first.get_marker() != second.get_marker()


def test_empty_masks_are_left_out_of_the_sizes_and_counted(make_scores: Scores) -> None:
    scores = make_scores(["2AWB", "1LB3"] * 5)
    scores.loc[3, ["true_positive", "false_negative"]] = 0
    (axes,) = iou_against_mask_size(scores, "SSN3D-ED, A").axes
    dots, means = axes.lines
    assert len(dots.get_xdata()) == 9
    assert axes.get_title() == "SSN3D-ED, A; 1 empty masks left out"
    sizes = (scores["true_positive"] + scores["false_negative"])[scores["pdb_id"] == "2AWB"]
    assert means.get_xdata()[1] == pytest.approx(sizes.mean())
    assert [text.get_text() for text in axes.texts] == ["1LB3", "2AWB"]


def test_table3_stands_over_the_papers_with_surrogates_hollow() -> None:
    table = pd.DataFrame(
        {
            "pdb_id": ["2AWB", "1FNT", "1GYT", "1BXR"],
            "miou": [84.0, 89.0, 88.0, np.nan],
            "miou_low": [83.0, 88.5, 87.0, np.nan],
            "miou_high": [85.0, 89.5, 89.0, np.nan],
            "paper_miou": [81.47, 87.59, 86.95, 77.02],
            "pixel_accuracy": [97.0, 98.0, 98.9, np.nan],
            "paper_pixel_accuracy": [96.57, 98.11, 98.51, 97.45],
            "source": ["archive", "surrogate: bead model", "archive", "archive"],
        }
    )
    figure = table3_against_paper(table)
    miou, accuracy = figure.axes
    filled, hollow, diagonal = miou.lines
    np.testing.assert_array_equal(filled.get_xydata(), [[81.47, 84.0], [86.95, 88.0]])
    np.testing.assert_array_equal(hollow.get_xydata(), [[87.59, 89.0]])
    assert hollow.get_fillstyle() == "none"
    np.testing.assert_array_equal(diagonal.get_xdata(), diagonal.get_ydata())
    assert miou.get_xlim() == miou.get_ylim()
    low, high = miou.get_xlim()
    assert low < 81.47
    assert high > 89.5
    assert miou.get_title() == "mean difference +1.66, rank correlation 1.00"
    assert figure.get_suptitle() == "Table 3: 3 of 4 structures; line: equal"
    assert accuracy.get_xlabel() == "paper: pixel accuracy (%)"
    empty = table3_against_paper(table[3:])
    assert empty.texts[-1].get_text() == "no results yet"
    assert not empty.axes
