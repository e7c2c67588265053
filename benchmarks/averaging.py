"""What masks are worth to averaging: FSC resolution and angular error on simulated subtomograms.

Run `python benchmarks/averaging.py --results results --output averaging.csv` after the workflow.
For each complex, dataset, mask, reference and number of particles, the subtomograms of a dataset
are aligned and averaged as by `ssn3d average`, and scored against the truth; what is finished is in
the file at once, and is not done again. Masks of other methods, such as a
network's, are arrays (n, s, s, s) in the order of the dataset: `--masks network-A=masks_A.npy`.

Metrics: median_error_deg and within_15_deg (angular error modulo symmetry), half_fsc_angstrom and
true_fsc_angstrom (at 0.143), true_fsc_0.5_angstrom, cpu_s and seconds.
"""

import argparse
import itertools
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ssn3d.averaging.average import turned_back
from ssn3d.averaging.boxes import Boxes
from ssn3d.averaging.fsc import resolution_angstrom, shell_correlation
from ssn3d.averaging.initial_model import initial_model
from ssn3d.averaging.masks import cut_out
from ssn3d.averaging.refine import Stack, refine
from ssn3d.averaging.steps import AverageOptions, make_stack
from ssn3d.averaging.superpose import superpose, symmetry_axes
from ssn3d.averaging.symmetry import angular_error_deg, symmetry_rotations
from ssn3d.crops import nearest_voxels
from ssn3d.csv_files import write_csv
from ssn3d.seeds import generator
from ssn3d.structures.maps import density_map
from ssn3d.structures.structure import read_structure
from ssn3d.subtomograms.store import Subtomograms, read_subtomograms

COMPLEXES = {"1KP8": ("D7", 200.0), "2AWB": ("C1", 280.0), "1W6T": ("C2", 140.0)}
"""Symmetry, and diameter of the sphere in angstrom."""
RESOLUTION_ANGSTROM = 40.0
AXES_SHELL = 10
KEYS = ["step", "method", "snr", "metric"]


def true_map(
    path: Path, size: int, voxel_angstrom: float, symmetry: str
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Map (size, size, size), protein dark, at the axes of its symmetry; and the turn to them."""
    atoms = read_structure(path)
    points, masses = atoms.points_angstrom, atoms.masses_dalton
    as_deposited = density_map(points, masses, voxel_angstrom, RESOLUTION_ANGSTROM, size=size)
    group = symmetry_rotations(symmetry)
    axes = symmetry_axes(as_deposited, group, AXES_SHELL, generator(0, "axes"))
    turned = (points @ axes).astype(np.float32)
    return -density_map(turned, masses, voxel_angstrom, RESOLUTION_ANGSTROM, size=size), axes


def stack_of(
    data: Subtomograms, rows: NDArray[np.int_], masks: NDArray[np.bool_] | str, pdb_id: str
) -> Stack:
    """Make the stack of some rows; masks are arrays, or `sphere` or `none`."""
    symmetry, diameter = COMPLEXES[pdb_id]
    own = None if isinstance(masks, str) else masks[rows].astype(bool)
    options = AverageOptions(
        diameter_angstrom=diameter,
        symmetry=symmetry,
        masked="none" if isinstance(masks, str) and masks == "none" else "sphere",
        max_shift_angstrom=20.0,
    )
    middles = nearest_voxels(data.centres[rows])
    boxes = Boxes(rows, data.images[rows].astype(np.float32), own, middles)
    return make_stack(boxes, middles.astype(float), options, data.voxel_size_angstrom)


def score(
    data: Subtomograms,
    stack: Stack,
    rows: NDArray[np.int_],
    structure: Path,
    *,
    known: bool,
) -> dict[str, float]:
    """Average, from the true map or an unknown reference, and compare with the truth."""
    symmetry = COMPLEXES[structure.stem][0]
    rng = generator(0, "averaging")
    voxel, size = data.voxel_size_angstrom, data.images.shape[-1]
    true, axes = true_map(structure, size, voxel, symmetry)
    start, cpu = time.perf_counter(), time.process_time()
    reference = true if known else initial_model(stack, rng)
    averages = refine(stack, reference, AverageOptions(0.0).rounds, rng)
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    seen, expected = cut_out(averages.average, stack.sphere), cut_out(true, stack.sphere)
    pose = superpose(seen, expected, stack.first_shell, 3.0, rng)
    curve = shell_correlation(turned_back(seen, pose.rotations[0], pose.shifts[0]), expected)
    found = averages.poses.rotations @ pose.rotations[0]
    error = angular_error_deg(data.rotations[rows] @ axes, found, symmetry)
    return {
        "median_error_deg": float(np.median(error)),
        "within_15_deg": float((error < 15).mean()),
        "half_fsc_angstrom": resolution_angstrom(averages.fsc, 0.143, size * voxel),
        "true_fsc_angstrom": resolution_angstrom(curve, 0.143, size * voxel),
        "true_fsc_0.5_angstrom": resolution_angstrom(curve, 0.5, size * voxel),
        "cpu_s": cpu,
        "seconds": seconds,
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--results", type=Path, default=Path("results"))
    add("--output", type=Path, default=Path("averaging.csv"))
    add("--complexes", nargs="+", default=list(COMPLEXES))
    add("--datasets", nargs="+", default=["A", "B", "C"])
    add("--kinds", nargs="+", default=["sphere", "true", "none"], help="of masks")
    add("--references", nargs="+", default=["known", "unknown"])
    add("--counts", nargs="+", type=int, default=[50, 0], help="of particles; 0 is all")
    add("--masks", nargs="*", default=[], metavar="NAME-DATASET=FILE.npy")
    return parser.parse_args()


def _masks(arguments: Any, data: Subtomograms) -> dict[str, NDArray[np.bool_] | str]:
    """Give the masks of a dataset by name."""
    known = {"sphere": "sphere", "none": "none", "true": data.masks}
    masks = {kind: known[kind] for kind in arguments.kinds}
    for given in arguments.masks:
        name, _, file = given.partition("=")
        method, _, dataset = name.rpartition("-")
        if dataset == data.dataset:
            masks[method] = np.load(file, allow_pickle=False)
    return masks


def main() -> None:
    """Measure all combinations."""
    arguments = _arguments()
    table = pd.DataFrame(columns=[*KEYS, "value"])
    if arguments.output.exists():
        table = pd.read_csv(arguments.output)
    for dataset in arguments.datasets:
        data = read_subtomograms(arguments.results / "subtomograms" / f"{dataset}.h5")
        masks = _masks(arguments, data)
        combinations = itertools.product(
            arguments.references, arguments.complexes, masks, arguments.counts
        )
        for known, pdb_id, kind, count in combinations:
            rows = np.flatnonzero(data.pdb_ids == pdb_id)[: count or None]
            method = f"{pdb_id}, {len(rows)} particles, {kind} mask, {known} reference"
            if ((table["method"] == method) & (table["snr"] == data.snr_asked)).any():
                continue
            path = arguments.results / "structures" / f"{pdb_id}.npz"
            stack = stack_of(data, rows, masks[kind], pdb_id)
            values = score(data, stack, rows, path, known=known == "known")
            print(data.snr_asked, method, {name: round(v, 2) for name, v in values.items()})
            new = [("averaging", method, data.snr_asked, *item) for item in values.items()]
            rounded = pd.DataFrame(new, columns=[*KEYS, "value"]).round({"value": 3})
            table = rounded if table.empty else pd.concat([table, rounded])
            write_csv(arguments.output, table)


if __name__ == "__main__":
    main()
