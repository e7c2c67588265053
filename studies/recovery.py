r"""How well particles of a simulated tomogram are recovered: picked, segmented, averaged.

    python studies/recovery.py --steps picking averaging --results results
    python studies/recovery.py --results results \
        --centred 'SSN3D-ED=results/runs/SSN3D-ED/{dataset}/random/weights.pt' \
        --all 'UNet=elsewhere/runs/UNet/{dataset}/random/weights.pt'

The tomogram is one that no training has seen, `tomograms/independent1` of the results. Networks of
both targets are named with their weights; what needs a network that has no weights is left out.
Rows (step, method, snr, metric, value) are added to the output as they are measured, and are not
measured again: repeat the command to resume, or to add what is missing.

Steps: picking (precision, recall, F1, F4, position error, recall by class), segmentation (IoU of
the target at true and at picked positions), averaging (FSC resolutions and angular errors;
`recovery_averaging`).
"""

import argparse
import itertools
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recovery_averaging import ALIGNMENTS, COMPLEXES, Cell, average_cell
from recovery_data import ANYTHING, CUBE_VOXELS, NEAR_ANGSTROM, Network, Simulated
from ssn3d.core.cubes import crop, crop_corners, lies_inside
from ssn3d.io.tables import write_csv
from ssn3d.io.tomogram import open_tomogram
from ssn3d.picking.pick import pick_regions
from ssn3d.picking.scoring import score_picks
from ssn3d.segmentation.evaluation.metrics import score_masks
from ssn3d.segmentation.inference.whole_tomogram import segment_tomogram

STEPS = ("picking", "segmentation", "averaging")
SMALLEST_ANGSTROM = 40.0
MASS_BINS_KDA = (0, 50, 150, 300, 600, 2000)
ERROR_BINS_ANGSTROM = (0.0, 10.0, 20.0, 40.0, NEAR_ANGSTROM)
MOST_SEGMENTED = 200
"""Particles, evenly over the tomogram's table, whose masks are scored."""


class Table:
    """The measured values, on disk at any time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        columns = ["step", "method", "snr", "metric", "value"]
        self._rows = pd.read_csv(path) if path.exists() else pd.DataFrame(columns=columns)

    def lacks(self, step: str, method: str, snr: float) -> bool:
        """Whether a method has yet to be measured."""
        rows = self._rows
        there = (rows["step"] == step) & (rows["method"] == method) & np.isclose(rows["snr"], snr)
        return not there.any()

    def add(self, step: str, method: str, snr: float, values: dict[str, float]) -> None:
        """Add a method's values, and write all."""
        print(step, snr, method, {name: round(value, 3) for name, value in values.items()})
        rows = [(step, method, snr, name, round(value, 4)) for name, value in values.items()]
        new = pd.DataFrame(rows, columns=self._rows.columns)
        self._rows = new if self._rows.empty else pd.concat([self._rows, new])
        write_csv(self._path, self._rows)


def picking(tomogram: Simulated, centres: NDArray[np.float64]) -> dict[str, float]:
    """Score picks (n, 3), in voxels, against all particles that are centred in the tomogram."""
    voxel, truth = tomogram.voxel_size_angstrom, tomogram.particles[tomogram.inside]
    score = score_picks(centres * voxel, truth.centres * voxel, truth.pdb_ids, NEAR_ANGSTROM)
    names = ("picks", "truth", "precision", "recall", "f1", "f4")
    errors = ("mean_error_angstrom", "median_error_angstrom")
    values = {name: float(getattr(score, name)) for name in (*names, *errors)}
    by_class = score.recall_by_class
    for low, high in itertools.pairwise(MASS_BINS_KDA):
        chosen = [c for pdb_id, c in by_class.items() if low <= tomogram.mass_kda(pdb_id) < high]
        found, count = sum(r * n for r, n in chosen), sum(n for _, n in chosen)
        values[f"recall_{low}_to_{high}_kda"] = found / count if count else np.nan
    return values | {f"recall_{pdb_id}": recall for pdb_id, (recall, _) in by_class.items()}


def segmented_picks(tomogram: Simulated, network: Network) -> NDArray[np.float64]:
    """Pick the regions of a whole segmentation, (n, 3) in voxels."""
    voxel = tomogram.voxel_size_angstrom
    with tempfile.TemporaryDirectory() as folder:
        found = segment_tomogram(
            tomogram.tomogram,
            network.network,
            network.compute,
            folder,
            voxel_size_angstrom=voxel,
            threshold=0.5,
        )
        volume = open_tomogram(found.probability, protein="dark")
        return pick_regions(
            volume.read, volume.grid.shape, voxel, (SMALLEST_ANGSTROM, np.inf), ANYTHING
        ).centres


def segmentation(
    tomogram: Simulated, network: Network, centres: NDArray[np.float64]
) -> dict[str, float]:
    """Score the masks of the same particles at their true and at their picked positions (n, 3)."""
    pairs, shape = tomogram.match(centres), tomogram.tomogram.grid.shape
    places = {"true": tomogram.particles.centres[pairs.truth], "picked": centres[pairs.picks]}
    inside = np.all([lies_inside(at, CUBE_VOXELS, shape) for at in places.values()], axis=0)
    chosen = np.flatnonzero(inside)[np.argsort(pairs.truth[inside])]
    chosen = chosen[:: -(-len(chosen) // MOST_SEGMENTED)]
    errors = pairs.distances[chosen]
    values = {"particles": float(len(chosen)), "median_error_angstrom": float(np.median(errors))}
    for name, at in places.items():
        corners = crop_corners(at[chosen], CUBE_VOXELS)
        labelled = zip(at[chosen], corners, pairs.truth[chosen] + 1, strict=True)
        scores = pd.concat(
            [
                score_masks(
                    network.target(tomogram, centre)[None],
                    (crop(tomogram.labels, corner, CUBE_VOXELS) == label)[None],
                )
                for centre, corner, label in labelled
            ]
        )
        iou = scores["iou_foreground"].to_numpy()
        values[f"{name}_iou_percent"] = float(iou.mean())
        values[f"{name}_miou_percent"] = float(iou.mean() + scores["iou_background"].mean()) / 2
        values[f"{name}_share_below_50"] = float((iou < 50).mean())
        for low, high in itertools.pairwise(ERROR_BINS_ANGSTROM):
            part = (errors >= low) & (errors < high)
            if part.any():
                values[f"{name}_iou_percent_{low:g}_to_{high:g}_angstrom"] = float(iou[part].mean())
    return values


def networks(given: list[str], dataset: str) -> Iterator[Network]:
    """Load NAME=WEIGHTS, with {dataset} filled in, as far as there are weights."""
    for text in given:
        name, _, pattern = text.partition("=")
        weights = Path(pattern.format(dataset=dataset))
        if weights.exists():
            yield Network.load(name, weights)
        else:
            print(f"{weights}: no weights yet; {name} is left out for dataset {dataset}")


def measure(arguments: argparse.Namespace, table: Table, tomogram: Simulated) -> None:
    """Measure what is asked for on one tomogram."""
    snr, steps = tomogram.snr, arguments.steps
    ways: dict[str, Callable[[], NDArray[np.float64]]] = {"DoG": tomogram.picks}
    for network in networks(arguments.all, tomogram.dataset):
        ways[f"segmentation by {network.name}"] = cache(partial(segmented_picks, tomogram, network))
    for name, pick in ways.items():
        if "picking" in steps and table.lacks("picking", name, snr):
            table.add("picking", name, snr, picking(tomogram, pick()))
    centred = list(networks(arguments.centred, tomogram.dataset))
    for network, (picked_by, pick) in itertools.product(centred, ways.items()):
        method = f"{network.name}, picks of {picked_by}"
        if "segmentation" in steps and table.lacks("segmentation", method, snr):
            table.add("segmentation", method, snr, segmentation(tomogram, network, pick()))
    if "averaging" in steps:
        averaging(arguments, table, tomogram, {network.name: network for network in centred})


def averaging(
    arguments: argparse.Namespace, table: Table, tomogram: Simulated, known: dict[str, Network]
) -> None:
    """Average all combinations asked for."""
    masks = [*arguments.masks, *known]
    asked = itertools.product(arguments.complexes, masks, arguments.alignments, arguments.counts)
    for cell in itertools.starmap(Cell, asked):
        also = [cell, replace(cell, masks=f"{cell.masks}+")]
        for each in also if arguments.average_masked and cell.masks != "none" else [cell]:
            if table.lacks("averaging", each.method, tomogram.snr):
                network = known.get(cell.masks)
                values = average_cell(tomogram, each, network, arguments.maps)
                table.add("averaging", each.method, tomogram.snr, values)


def main() -> None:
    """Measure what is asked for and missing."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--results", type=Path, default=Path("results"))
    add("--tomogram", default="independent1")
    add("--output", type=Path, default=Path("recovery.csv"))
    add("--steps", nargs="+", choices=STEPS, default=STEPS)
    add("--datasets", nargs="+", default=["A", "B", "C"])
    add("--all", nargs="*", default=[], metavar="NAME=WEIGHTS", help="networks of every particle")
    add("--centred", nargs="*", default=[], metavar="NAME=WEIGHTS", help="of the centred one")
    add("--complexes", nargs="+", choices=COMPLEXES, default=list(COMPLEXES))
    add("--masks", nargs="*", default=["sphere", "true", "none"], help="besides networks")
    add("--alignments", nargs="+", choices=ALIGNMENTS, default=["known", "unknown"])
    add("--counts", nargs="+", type=int, default=[50, 100, 0], help="of particles; 0 is all")
    add("--average-masked", action="store_true", help="average masked particles, too")
    add("--maps", type=Path, help="folder to keep the averages in")
    add("--small", action="store_true", help="minimal size; shows that it runs")
    arguments = parser.parse_args()
    if arguments.small:
        arguments.complexes, arguments.counts = ["1KP8"], [0]
        arguments.masks, arguments.alignments = ["sphere"], ["true"]
    table = Table(arguments.output)
    for dataset in arguments.datasets:
        measure(arguments, table, Simulated(arguments.results, arguments.tomogram, dataset))


if __name__ == "__main__":
    main()
