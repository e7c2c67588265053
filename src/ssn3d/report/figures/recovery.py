"""Particles recovered from a tomogram: picks and outlines on slices, and recall by mass."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Circle
from numpy.typing import NDArray

from ssn3d.io.files import PathLike
from ssn3d.io.particles.files import read_particle_table
from ssn3d.io.particles.of_tomogram import frame_of_tomogram
from ssn3d.io.particles.simulated import read_particles
from ssn3d.io.tables import read_csv
from ssn3d.io.tomogram import Tomogram
from ssn3d.io.volumes import open_volume
from ssn3d.recovery.sample import open_sample
from ssn3d.recovery.samples_table import Sample
from ssn3d.recovery.scores import MATCHES, OF_FOUND
from ssn3d.report.figures.labels import name_points, plain_log_ticks
from ssn3d.report.figures.panels import draw_slice
from ssn3d.report.figures.style import SERIES, new_figure, save, styled
from ssn3d.report.figures.tomogram import draw_labels
from ssn3d.report.tables.recovery_scores import ALL

_AXES = "zyx"
_SLAB_ANGSTROM = 50.0
"""Thickness over which voxels are averaged, so that particles are seen in noise."""
_WIDEST_ANGSTROM = 2000.0
"""Width of the part of a tomogram that is shown; in a wider one circles are too small."""
_MOST_COLUMNS = 7
"""Of a legend."""
_LOOKS: dict[str, tuple[str, Any]] = {
    # kind of a position: colour and dashes
    "pick": ("#E69F00", "-"),
    "pick of a particle": ("#E69F00", "-"),
    "pick of none": ("#D55E00", ":"),
    "missed particle": ("#56B4E9", "--"),
}


@dataclass(frozen=True)
class Slab:
    """Slice through the middle of a tomogram."""

    plane: str
    """Axes to the right and up, such as xz."""
    image: NDArray[np.float32]
    """(rows, columns), protein dark."""
    labels: NDArray[np.integer[Any]]
    """(rows, columns), instance labels of the targets."""
    start_voxels: tuple[int, int]
    """First row and column in the tomogram."""
    middle_voxels: float
    """Position along the third axis."""


def draw_picks(
    sample: Sample,
    picks: PathLike,
    instances: PathLike,
    diameter_angstrom: float,
    *,
    figure: PathLike,
    truth: tuple[PathLike, PathLike] | None = None,
) -> None:
    """Draw the middle of a tomogram with its picks and their targets.

    `truth` are the true particles and the table of matches of a simulated tomogram.
    """
    tomogram = open_sample(sample)
    centres = read_particle_table(picks, frame_of_tomogram(tomogram)).particles.centres
    kinds = {"pick": centres}
    if truth is not None:
        true = read_particles(truth[0]).centres
        matches = read_csv(truth[1], MATCHES, may_be_empty=OF_FOUND)
        found = np.isin(np.arange(len(centres)) + 1, matches["pick"])
        missed = matches["label"][matches["pick"] == 0].to_numpy() - 1
        kinds = dict(
            zip([*_LOOKS][1:], (centres[found], centres[~found], true[missed]), strict=True)
        )
    slabs = cut_slabs(tomogram, open_volume(instances).read(slice(None)))
    size = tomogram.grid.voxel_size_angstrom
    save(picks_picture(sample.name, slabs, kinds, diameter_angstrom, size), figure)


def cut_slabs(tomogram: Tomogram, labels: NDArray[Any]) -> list[Slab]:
    """Cut out the middle slices of a tomogram and its labels, level and upright."""
    return [_cut_slab(tomogram, labels, plane) for plane in ("xy", "xz")]


def _cut_slab(tomogram: Tomogram, labels: NDArray[Any], plane: str) -> Slab:
    """Cut out the middle slice of a plane."""
    size = tomogram.grid.voxel_size_angstrom
    parts, middles = [], []
    for axis, length in zip(_AXES, tomogram.grid.shape, strict=True):
        wide = _WIDEST_ANGSTROM if axis in plane else _SLAB_ANGSTROM
        count = max(min(int(wide / size), length), 1)
        first = (length - count) // 2
        parts.append(slice(first, first + count))
        middles.append(first + count // 2)
    through = next(i for i, axis in enumerate(_AXES) if axis not in plane)
    image = tomogram.read_dark(tuple(parts)).mean(axis=through)
    cut = tuple(middles[i] if i == through else part for i, part in enumerate(parts))
    rows, columns = (part.start for i, part in enumerate(parts) if i != through)
    return Slab(plane, image, np.array(labels[cut]), (rows, columns), float(middles[through]))


@styled
def picks_picture(
    name: str,
    slabs: list[Slab],
    kinds: Mapping[str, NDArray[np.float64]],
    diameter_angstrom: float,
    voxel_size_angstrom: float,
    *,
    looks: Mapping[str, tuple[str, Any]] = _LOOKS,
    outlined: str = "their targets",
) -> Figure:
    """Draw slices, a row for each, without marks, with picks, and with outlines of their targets.

    `kinds` are positions (n, 3), z, y, x in voxels, by kind, each with its own look: colour and
    dashes. Positions farther from the slice than a quarter of the diameter, that of the circles,
    are not shown. `outlined` is what the labels of the slices are.
    """
    ratios = [slab.image.shape[0] / slab.image.shape[1] for slab in slabs]
    figure = new_figure(2.05 * sum(ratios) + 1.2)
    figure.suptitle(name, fontsize=9)
    panels = figure.subplots(len(slabs), 3, height_ratios=ratios, squeeze=False)
    for slab, row in zip(slabs, panels, strict=True):
        for axes in row:
            draw_slice(axes, slab.image, slab.plane, voxel_size_angstrom)
            axes.label_outer()
        row[0].set_ylabel(f"{slab.plane[1]} (nm)")
        draw_labels(row[2], slab.labels)
        for kind, positions in kinds.items():
            color, dashes = looks[kind]
            for place in _near(slab, positions, voxel_size_angstrom, diameter_angstrom / 4):
                look: dict[str, Any] = {"color": color, "linestyle": dashes, "linewidth": 0.9}
                row[1].add_patch(Circle(tuple(place), diameter_angstrom / 20, fill=False, **look))
    for axes, title in zip(panels[0], ("tomogram", "picks", outlined), strict=True):
        axes.set_title(title)
    shown = [(kind, *looks[kind]) for kind in kinds]
    handles = [Line2D([], [], color=c, linestyle=dashes, label=kind) for kind, c, dashes in shown]
    columns = min(len(handles), _MOST_COLUMNS)
    figure.legend(handles=handles, loc="outside lower center", ncols=columns)
    return figure


def _near(
    slab: Slab, positions: NDArray[np.float64], voxel_size_angstrom: float, distance_angstrom: float
) -> NDArray[np.float64]:
    """Select positions (n, 3) within a distance of a slice: (m, 2), to the right and up in nm."""
    up, right = (_AXES.index(axis) for axis in slab.plane[::-1])
    distance = np.abs(positions[:, 3 - up - right] - slab.middle_voxels) * voxel_size_angstrom
    near = positions[distance <= distance_angstrom][:, [right, up]] - slab.start_voxels[::-1]
    return np.asarray(near * (voxel_size_angstrom / 10))


def draw_recall(table_csv: PathLike, *, figure: PathLike) -> None:
    """Draw recall by mass for each dataset, from the CSV of `tables.recovery_scores`."""
    columns = {"dataset": str, "snr": float, "group": str, "mass_kda": float, "recall": float}
    table = read_csv(table_csv, columns, may_be_empty=["mass_kda"])
    save(recall_by_mass(table), figure)


@styled
def recall_by_mass(table: pd.DataFrame) -> Figure:
    """Draw the recall of each class, and of all particles as dashed lines."""
    figure = new_figure(3.4)
    axes = figure.subplots()
    classes = table.dropna(subset=["mass_kda"])
    for index, (dataset, rows) in enumerate(classes.groupby("dataset", sort=False)):
        look = SERIES[index % len(SERIES)]
        every = table[(table["dataset"] == dataset) & (table["group"] == ALL)]
        label = f"{dataset}, SNR {every['snr'].iloc[0]:g}"
        axes.plot(
            rows["mass_kda"], 100 * rows["recall"], look.marker, color=look.color, label=label
        )
        axes.axhline(100 * every["recall"].iloc[0], color=look.color, linestyle="--", linewidth=0.6)
    axes.set(xscale="log", xlabel="mass (kDa)", ylabel="recall (%)", ylim=(0, 104))
    plain_log_ticks(axes.xaxis)
    first = classes[classes["dataset"] == classes["dataset"].iloc[0]]
    name_points(axes, first["mass_kda"], 100 * first["recall"], list(first["group"]))
    figure.legend(loc="outside upper center", ncols=len(classes["dataset"].unique()))
    return figure
