import numpy as np
import pandas as pd
import pytest

from ssn3d.report.figures.scores import iou_against_mask_size, iou_per_class, table3_against_paper


def test_iou_per_class(make_scores):
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


def test_iou_against_mask_size(make_scores):
    scores = make_scores(["2AWB", "1LB3"] * 5)
    scores.loc[3, ["true_positive", "false_negative"]] = 0
    (axes,) = iou_against_mask_size(scores, "SSN3D-ED, A").axes
    dots, means = axes.lines
    assert len(dots.get_xdata()) == 9
    assert axes.get_title() == "SSN3D-ED, A; empty masks left out: 1"
    sizes = (scores["true_positive"] + scores["false_negative"])[scores["pdb_id"] == "2AWB"]
    assert means.get_xdata()[1] == pytest.approx(sizes.mean())
    assert [text.get_text() for text in axes.texts] == ["1LB3", "2AWB"]


def test_table3_against_paper():
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
    assert figure.get_suptitle() == "Table 3: 3 of 4 structures; line: ours equals the paper's"
    assert accuracy.get_xlabel() == "paper: pixel accuracy (%)"
    empty = table3_against_paper(table[3:])
    assert empty.texts[-1].get_text() == "no results yet"
    assert not empty.axes
