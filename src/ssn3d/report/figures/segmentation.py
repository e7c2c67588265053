"""Figure 5: truth and prediction of test subtomograms."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ssn3d.io.files import PathLike
from ssn3d.report.figures.examples import read_examples
from ssn3d.report.figures.panels import add_isosurface, central_slice, draw_slice
from ssn3d.report.figures.style import new_figure, save, styled
from ssn3d.segmentation.evaluation.run_io import read_prediction
from ssn3d.subtomograms.store import open_dataset


@dataclass(frozen=True)
class Example:
    """A test subtomogram with its true and its predicted mask."""

    title: str
    image: NDArray[Any]
    """(s, s, s), protein dark."""
    truth: NDArray[np.uint8]
    """(s, s, s) of 0 and 1."""
    prediction: NDArray[np.uint8]
    """(s, s, s) of 0 and 1."""


def draw_segmentation(
    shards: Sequence[PathLike],
    per_subtomogram: PathLike,
    predictions: PathLike,
    pdb_ids: Sequence[str],
    *,
    figure: PathLike,
) -> None:
    """Draw Figure 5: truth and prediction of the best, median and worst of each structure."""
    dataset = open_dataset(shards)
    examples = []
    for row in read_examples(per_subtomogram, pdb_ids).to_dict("records"):
        title = f"{row['pdb_id']}, {row['rank']}: IoU {row['iou_foreground']:.0f}%"
        place = row["tomogram"], row["label"]
        image, truth = dataset.read_one(*place)
        examples.append(Example(title, image, truth, read_prediction(predictions, *place)))
    save(truth_and_prediction(examples, dataset.voxel_size_angstrom), figure)


@styled
def truth_and_prediction(examples: Sequence[Example], voxel_size_angstrom: float) -> Figure:
    """Draw image, truth and prediction as slices, then truth and prediction as surfaces."""
    rows = len(examples)
    figure = new_figure(1.42 * rows + 0.6)  # 0.6 for two lines of titles and the last axis
    grid = figure.add_gridspec(rows, 5)
    edge_nm = len(examples[0].image) * voxel_size_angstrom / 10
    cube = f"in a {edge_nm:.0f} nm cube"
    titles = ("subtomogram", "truth", "prediction", f"truth\n{cube}", f"prediction\n{cube}")
    for row, example in enumerate(examples):
        masks = (example.truth, example.prediction)
        panels = []
        for column, volume in enumerate((example.image, *(mask == 0 for mask in masks))):
            panel = figure.add_subplot(grid[row, column])
            limits = None if column == 0 else (0.0, 1.0)  # masks are black, like protein
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
