"""Training curves: loss, pixel accuracy and mIoU of each run by epoch."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ssn3d.io.files import PathLike, read_json
from ssn3d.report.figures.labels import plain_log_ticks
from ssn3d.report.figures.style import GREY, SERIES, new_figure, save, styled
from ssn3d.report.read_runs import read_history


def draw_training(folders: Mapping[str, PathLike], *, figure: PathLike) -> None:
    """Draw the training curves of runs, given as folders by title."""
    histories = {title: read_history(Path(f) / "history.csv") for title, f in folders.items()}
    records = {t: read_json(Path(f) / "run.json", "best_epoch") for t, f in folders.items()}
    best = {title: record["best_epoch"] for title, record in records.items()}
    save(training_curves(histories, best), figure)


@styled
def training_curves(
    histories: Mapping[str, pd.DataFrame], best_epochs: Mapping[str, int]
) -> Figure:
    """Draw loss, validation pixel accuracy and validation mIoU over the epochs of all runs.

    `histories` are history.csv by title. A ring marks the epoch whose weights were kept. Runs
    beyond the eighth are thin grey lines with a common entry in the legend.
    """
    figure = new_figure(3.2)
    loss, accuracy, miou = figure.subplots(1, 3)
    for index, (title, history) in enumerate(histories.items()):
        if index < len(SERIES):
            look = SERIES[index]
            line: dict[str, Any] = {"color": look.color, "linestyle": look.linestyle, "zorder": 3}
            label: str | None = title
        else:
            line = {"color": GREY, "linewidth": 0.5}
            more = len(histories) - len(SERIES)
            label = f"{more} more" if index == len(SERIES) else None
        if len(history) == 1:  # a line of one point is invisible
            line["marker"] = "."
        epoch = history["epoch"]
        loss.plot(epoch, history["validation_loss"], **line)
        loss.plot(epoch, history["train_loss"], **(line | {"linewidth": 0.4, "markersize": 2}))
        accuracy.plot(epoch, history["validation_pixel_accuracy"], **line)
        miou.plot(epoch, history["validation_miou"], label=label, **line)
        kept = history[epoch == best_epochs[title]]
        ring: dict[str, Any] = {"color": line["color"], "linestyle": "none", "zorder": 4}
        ring |= {"marker": "o", "fillstyle": "none", "markersize": 4 if index < len(SERIES) else 2}
        accuracy.plot(kept["epoch"], kept["validation_pixel_accuracy"], **ring)
        miou.plot(kept["epoch"], kept["validation_miou"], **ring)
    loss.set(yscale="log", ylabel="loss", title="thick: validation (cross-entropy), thin: training")
    plain_log_ticks(loss.yaxis)
    accuracy.set(ylabel="validation pixel accuracy (%)")
    miou.set(ylabel="validation mIoU (%)")
    for panel in (loss, accuracy, miou):
        panel.set_xlabel("epoch")
        panel.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    figure.legend(loc="outside lower center", ncols=4)
    return figure
