"""Steps of the baseline: subtomogram, segments, clusters, target, truth."""

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import fill
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray
from scipy import ndimage

from ssn3d.io.files import PathLike, read_json
from ssn3d.report.figures.examples import read_examples
from ssn3d.report.figures.panels import central_slice, draw_slice
from ssn3d.report.figures.style import new_figure, save, styled
from ssn3d.segmentation.baseline.search import subtomogram_generator
from ssn3d.segmentation.baseline.segment import Segmentation, segment
from ssn3d.segmentation.evaluation.metrics import SEGMENTED
from ssn3d.segmentation.settings import BaselineParameters
from ssn3d.subtomograms.store import open_dataset

PLANE = "xy"
COLUMNS = ("subtomogram", "segments, threshold", "clusters", "target", "truth")
_LEAST_DEPTH_VOXELS = 2  # a number does not fit into a thinner section


@dataclass(frozen=True)
class BaselineExample:
    """A subtomogram, its segmentation by the baseline, and the truth."""

    title: str
    image: NDArray[Any]
    """(s, s, s), protein dark."""
    truth: NDArray[np.uint8]
    """(s, s, s) of 0 and 1."""
    result: Segmentation


def draw_baseline(
    shards: Sequence[PathLike],
    run: PathLike,
    per_subtomogram: PathLike,
    pdb_ids: Sequence[str],
    seed: int,
    *,
    figure: PathLike,
) -> None:
    """Segment each structure's median test subtomogram again, and draw the baseline's steps."""
    dataset = open_dataset(shards)
    parameters = BaselineParameters(**read_json(run, "settings")["settings"])
    picked = read_examples(per_subtomogram, pdb_ids)
    examples = []
    for row in picked[picked["rank"] == "median"].to_dict("records"):
        place = row["tomogram"], row["label"]
        image, truth = dataset.read_one(*place)
        result = segment(image, parameters, subtomogram_generator(seed, *place))
        title = f"{row['pdb_id']}: IoU {row['iou_foreground']:.0f}%"
        examples.append(BaselineExample(title, image, truth, result))
    save(baseline_steps(examples, dataset.voxel_size_angstrom), figure)


@styled
def baseline_steps(examples: Sequence[BaselineExample], voxel_size_angstrom: float) -> Figure:
    """Draw the steps on central slices, a row for each subtomogram.

    Segments are drawn in the grey of their mean, to which the threshold is applied; those that pass
    it are outlined. Clusters are numbered; the target is black.
    """
    figure = new_figure(1.2 * len(examples) + 0.3)
    panels = figure.subplots(len(examples), len(COLUMNS), squeeze=False, sharex=True, sharey=True)
    for row, example in zip(panels, examples, strict=True):
        result = example.result
        _draw(row[0], example.image, voxel_size_angstrom)
        _draw(row[1], segment_means(example.image, result.segments), voxel_size_angstrom)
        _outline(row[1], result.foreground, voxel_size_angstrom)
        _draw_clusters(row[2], result.clusters, voxel_size_angstrom)
        for panel, mask in ((row[3], result.mask), (row[4], example.truth)):
            _draw(panel, mask == 0, voxel_size_angstrom, (0.0, 1.0))  # black, as protein is
        row[0].set_ylabel(f"{example.title}\n\ny (nm)")
        if result.outcome != SEGMENTED:
            words = fill(result.outcome, 14)
            row[3].text(0.5, 0.95, words, ha="center", va="top", transform=row[3].transAxes)
    for panel, title in zip(panels[0], COLUMNS, strict=True):
        panel.set_title(title)
    return figure


def segment_means(image: NDArray[Any], segments: NDArray[np.int32]) -> NDArray[np.float64]:
    """Replace each voxel (s, s, s) by the mean of the image over its segment."""
    labels, owner = np.unique(segments, return_inverse=True)
    means = ndimage.mean(np.asarray(image, dtype=np.float64), segments, labels)
    return np.asarray(means)[owner].reshape(segments.shape)


def _draw(
    axes: Axes,
    volume: NDArray[Any],
    voxel_size_angstrom: float,
    limits: tuple[float, float] | None = None,
) -> None:
    """Draw the central slice; only the outer panels of the grid name their axes."""
    draw_slice(axes, central_slice(volume, PLANE), PLANE, voxel_size_angstrom, limits)
    axes.label_outer()


def _outline(axes: Axes, mask: NDArray[np.bool_], voxel_size_angstrom: float) -> None:
    """Outline a mask's central slice, white on black, to be seen on any grey."""
    section = central_slice(mask, PLANE)
    if section.any() and not section.all():
        nm = np.arange(len(section)) * voxel_size_angstrom / 10
        for color, width in (("black", 1.6), ("white", 0.7)):
            axes.contour(nm, nm, section, levels=[0.5], colors=color, linewidths=width)


def _draw_clusters(axes: Axes, clusters: NDArray[np.int32], voxel_size_angstrom: float) -> None:
    """Draw the clusters of the central slice, light, outlined and numbered."""
    _draw(axes, clusters == 0, voxel_size_angstrom, (-3.0, 1.0))
    section = central_slice(clusters, PLANE)
    for number in np.unique(section[section > 0]):
        _outline(axes, clusters == number, voxel_size_angstrom)
        depth = ndimage.distance_transform_edt(np.pad(section == number, 1))[1:-1, 1:-1]
        if depth.max() >= _LEAST_DEPTH_VOXELS:
            y, x = np.argwhere(depth == depth.max()).mean(axis=0) * voxel_size_angstrom / 10
            text = axes.text(x, y, str(number), ha="center", va="center", fontsize=7)
            text.set_path_effects([withStroke(linewidth=1.5, foreground="white")])
