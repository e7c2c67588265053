import numpy as np
import pandas as pd
import pytest

from ssn3d.report.figures.style import SERIES
from ssn3d.report.figures.training import training_curves


def history(top, epochs=12):
    """Curves that level off at a validation mIoU of `top`."""
    epoch = np.arange(1, epochs + 1)
    rise = 1 - np.exp(-epoch / 4)
    loss = 0.12 - 0.1 * rise
    curves = {"train_loss": loss, "validation_loss": loss + 0.01, "validation_miou": top * rise}
    return pd.DataFrame({"epoch": epoch, "validation_pixel_accuracy": 97 + 2 * rise} | curves)


def test_training_curves():
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


def test_single_epoch():
    loss, *_ = training_curves({"SSN3D-ED, A": history(86, 1)}, {"SSN3D-ED, A": 1}).axes
    assert {line.get_marker() for line in loss.lines} == {"."}
    low, high = loss.get_xlim()
    assert [tick for tick in loss.get_xticks() if low <= tick <= high] == [1]


def test_many_runs_share_label():
    histories = {f"run {i}": history(70 + i) for i in range(len(SERIES) + 4)}
    figure = training_curves(histories, dict.fromkeys(histories, 5))
    (legend,) = figure.legends
    names = [text.get_text() for text in legend.get_texts()]
    assert names == [*list(histories)[: len(SERIES)], "4 more"]
    assert sum(len(line.get_xdata()) > 1 for line in figure.axes[2].lines) == len(histories)
