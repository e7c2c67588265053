"""Figure 5 and the training curves: what the networks answer, and how they got there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from ssn3d.report.labels import plain_log_ticks
from ssn3d.report.panels import add_isosurface, central_slice, draw_slice
from ssn3d.report.style import GREY, SERIES, new_figure, styled


@dataclass(frozen=True)
class Example:
    """One test subtomogram with its two masks."""

    title: str
    image: NDArray[Any]
    """(s, s, s), protein dark."""
    truth: NDArray[np.uint8]
    """(s, s, s) of 0 and 1."""
    prediction: NDArray[np.uint8]
    """(s, s, s) of 0 and 1."""


def pick_examples(subtomograms: pd.DataFrame, pdb_ids: Sequence[str]) -> pd.DataFrame:
    """Take the best, the median and the worst test subtomogram of each class.

    Args:
        subtomograms: per_subtomogram.csv of one run.
        pdb_ids: the classes, in the order wanted; one without test subtomograms is left out.

    Returns:
        Those rows, with a column `rank`; "best" is the highest IoU of the region of interest.
    """
    picked = []
    for pdb_id in pdb_ids:
        of_class = subtomograms[subtomograms["pdb_id"] == pdb_id]
        ordered = of_class.sort_values("iou_foreground", ascending=False, kind="stable")
        last = len(ordered) - 1
        if last < 0:
            continue
        ranks = {0: "best", last: "worst", last // 2: "median"}  # fewer of a small class
        picked += [ordered.iloc[[place]].assign(rank=ranks[place]) for place in sorted(ranks)]
    return pd.concat(picked, ignore_index=True) if picked else subtomograms.head(0).assign(rank="")


@styled
def truth_and_prediction(examples: Sequence[Example], voxel_size_angstrom: float) -> Figure:
    """Draw Fig. 5: image, truth and prediction as slices, truth and prediction as surfaces."""
    rows = len(examples)
    figure = new_figure(1.42 * rows + 0.3)
    grid = figure.add_gridspec(rows, 5)
    edge_nm = len(examples[0].image) * voxel_size_angstrom / 10 if examples else 0
    cube = f"in {edge_nm:.0f} nm cube"
    titles = ("subtomogram", "truth", "prediction", f"truth\n{cube}", f"prediction\n{cube}")
    for row, example in enumerate(examples):
        masks = (example.truth, example.prediction)
        panels = []
        for column, volume in enumerate((example.image, *(mask == 0 for mask in masks))):
            panel = figure.add_subplot(grid[row, column])
            limits = None if column == 0 else (0.0, 1.0)  # masks are black, as protein is
            draw_slice(panel, central_slice(volume, "xy"), "xy", voxel_size_angstrom, limits)
            panel.label_outer()
            panels.append(panel)
        panels[0].set_ylabel(f"{example.title}\n\ny (nm)")
        for column, mask in enumerate(masks, start=3):
            cell = grid[row, column]
            surface = add_isosurface(
                figure, cell, mask, level=0.5, voxel_size_angstrom=voxel_size_angstrom
            )
            panels.append(surface)
        if row == 0:
            for panel, title in zip(panels, titles, strict=True):
                panel.set_title(title)
    return figure


@styled
def training_curves(
    histories: Mapping[str, pd.DataFrame], best_epochs: Mapping[str, int]
) -> Figure:
    """Draw loss, validation pixel accuracy and validation mIoU over the epochs of all runs.

    A ring marks the epoch whose weights were kept. Where there are more runs than can be told
    apart, the later ones are thin grey lines under one name.

    Args:
        histories: columns of history.csv by the title of the run.
        best_epochs: the epoch kept, by the same title.
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
        if len(history) == 1:  # a line of one point is not seen
            line["marker"] = "."
        epoch = history["epoch"]
        loss.plot(epoch, history["validation_loss"], **line)
        loss.plot(epoch, history["train_loss"], **(line | {"linewidth": 0.4}))
        accuracy.plot(epoch, history["validation_pixel_accuracy"], **line)
        miou.plot(epoch, history["validation_miou"], label=label, **line)
        kept = history[epoch == best_epochs[title]]
        ring: dict[str, Any] = {"color": line["color"], "linestyle": "none", "zorder": 4}
        ring |= {"marker": "o", "fillstyle": "none", "markersize": 4 if index < len(SERIES) else 2}
        accuracy.plot(kept["epoch"], kept["validation_pixel_accuracy"], **ring)
        miou.plot(kept["epoch"], kept["validation_miou"], **ring)
    loss.set(yscale="log", ylabel="cross-entropy", title="thick: validation, thin: training")
    plain_log_ticks(loss.yaxis)
    accuracy.set(ylabel="validation pixel accuracy (%)")
    miou.set(ylabel="validation mIoU (%)")
    for panel in (loss, accuracy, miou):
        panel.set_xlabel("epoch")
        panel.xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.legend(loc="outside lower center", ncols=4)
    return figure
