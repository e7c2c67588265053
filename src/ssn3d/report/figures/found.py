"""Search for named molecules: picks of each target on slices, and the calibration of scores."""

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from ssn3d.core.classes import MACROMOLECULE
from ssn3d.io.files import PathLike, read_json
from ssn3d.io.particles.files import read_particle_table
from ssn3d.io.particles.of_tomogram import frame_of_tomogram
from ssn3d.io.volumes import open_volume
from ssn3d.recovery.sample import open_sample
from ssn3d.recovery.samples_table import Sample
from ssn3d.report.figures.recovery import cut_slabs, picks_picture
from ssn3d.report.figures.style import SERIES, new_figure, save, styled


def draw_found(
    sample: Sample,
    picks: Mapping[str, PathLike],
    labels: PathLike,
    candidates: PathLike,
    *,
    figure: PathLike,
) -> None:
    """Draw the middle of a tomogram with the picks of each target, and with its macromolecules.

    `picks` are STAR files by target, `labels` the classes of the voxels; the diameters are those in
    `candidates`, the file of `write_candidates`.
    """
    tomogram = open_sample(sample)
    frame = frame_of_tomogram(tomogram)
    kinds = {t: read_particle_table(path, frame).particles.centres for t, path in picks.items()}
    colors = [look.color for look in SERIES[1:]]
    pairs = [(color, line) for line in ("-", "--", ":") for color in colors]
    looks = dict(zip(kinds, pairs, strict=False))
    known = read_json(candidates, *kinds)
    diameter = max(known[target]["diameter_angstrom"] for target in kinds)
    slabs = cut_slabs(tomogram, open_volume(labels).read(slice(None)) == MACROMOLECULE)
    given = slabs, kinds, diameter, tomogram.grid.voxel_size_angstrom
    save(picks_picture(sample.name, *given, looks=looks, outlined="macromolecules"), figure)


def draw_calibration(calibration: PathLike, *, figure: PathLike) -> None:
    """Draw the calibration curve of each target, from the JSON of `calibrate_targets`."""
    curves = {target: content["curve"] for target, content in read_json(calibration).items()}
    save(calibration_curves(curves), figure)


@styled
def calibration_curves(curves: Mapping[str, Mapping[str, Any]]) -> Figure:
    """Draw observed shares of right candidates by their mean probability, by target.

    Points are labelled with numbers of candidates.
    """
    figure = new_figure(3.4, 4.0)
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="#8C8C8C", linewidth=0.6)
    for index, (target, curve) in enumerate(curves.items()):
        look = SERIES[1 + index % (len(SERIES) - 1)]
        x, y = curve["probability"], curve["observed"]
        axes.plot(
            *(x, y), color=look.color, linestyle=look.linestyle, marker=look.marker, label=target
        )
        for place, count in zip(zip(x, y, strict=True), curve["candidates"], strict=True):
            axes.annotate(str(count), place, (4, -8), textcoords="offset points", fontsize=6)
    axes.set(xlabel="probability", ylabel="share that is right", xlim=(0, 1), ylim=(0, 1.02))
    figure.legend(loc="outside upper center", ncols=4)
    return figure
