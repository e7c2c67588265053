"""What masks are worth to averaging: one cell of the study, from picks to FSC and angular error.

The particles are those of one class that difference of Gaussians picks in a tomogram, as perfect
classification would give; they are masked, aligned and averaged as by `ssn3d average`.
"""

import time
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from recovery_data import Network, Simulated
from ssn3d.averaging.align import Poses
from ssn3d.averaging.average import rotate_to_reference
from ssn3d.averaging.boxes import Boxes, cut_boxes, fit_map
from ssn3d.averaging.fsc import resolution_angstrom, shell_correlation
from ssn3d.averaging.initial_model import initial_model
from ssn3d.averaging.masks import cut_out
from ssn3d.averaging.options import AverageOptions
from ssn3d.averaging.refine import Averages, Stack, refine
from ssn3d.averaging.steps import make_stack
from ssn3d.averaging.superpose import superpose, symmetry_axes, symmetry_score
from ssn3d.averaging.symmetry import angular_error_deg, symmetry_rotations
from ssn3d.core.cubes import crop, crop_corners
from ssn3d.core.seeds import generator
from ssn3d.io.mrc import write_mrc
from ssn3d.structures.maps import density_map
from ssn3d.structures.structure import read_structure

COMPLEXES = {
    "1KP8": ("D7", 200.0, 30),
    "2AWB": ("C1", 280.0, 40),
    "1GYT": ("D3", 160.0, 24),
    "1W6T": ("C2", 110.0, 20),
}
"""Symmetry, diameter of the sphere in angstrom, and edge of the boxes in voxels."""
ALIGNMENTS = {
    "known": "known reference",
    "unknown": "unknown reference",
    "random": "random orientations",
    "true": "true poses",
}
"""To the true map, to a first reference of their own, or not at all: the last two are bounds."""
RESOLUTION_ANGSTROM = 40.0
AXES_SHELL = 6
RIGHT_DEG = 15.0
LEAST_SYMMETRY = 0.95


@dataclass(frozen=True)
class Cell:
    """One experiment."""

    pdb_id: str
    masks: str
    """sphere, none, true, or a network's name; `+` after it: they are averaged masked, too."""
    alignment: str
    """One of ALIGNMENTS."""
    count: int
    """Of particles, the first of the tomogram's table; 0 is all."""

    @property
    def method(self) -> str:
        """How the table names it."""
        masks = self.masks.removesuffix("+")
        named = "no mask" if masks == "none" else f"{masks} mask"
        also = " on the average too" if self.masks.endswith("+") else ""
        count = self.count or "all"
        aligned = ALIGNMENTS[self.alignment]
        return f"{self.pdb_id}, {count} particles, {named}{also}, {aligned}"


@cache
def true_map(
    structure: Path, size: int, voxel_angstrom: float, symmetry: str
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Map (size, size, size), protein dark, at the axes of its symmetry; and the turn to them."""
    atoms = read_structure(structure)
    points, masses = atoms.points_angstrom, atoms.masses_dalton

    def drawn(at: NDArray[Any]) -> NDArray[np.float32]:
        return fit_map(density_map(at, masses, voxel_angstrom, RESOLUTION_ANGSTROM), size)

    group = symmetry_rotations(symmetry)
    axes = symmetry_axes(drawn(points), group, AXES_SHELL, generator(0, "axes"))
    turned = drawn((points @ axes).astype(np.float32))
    score = symmetry_score(turned, group, np.eye(3)[None], AXES_SHELL)[0]
    if score < LEAST_SYMMETRY:
        raise ValueError(f"{structure}: not of symmetry {symmetry} ({score:.2f})")
    return -turned, axes


@dataclass(frozen=True)
class Picked:
    """Boxes of one class in a tomogram."""

    boxes: Boxes
    centres: NDArray[np.float64]
    """(n, 3) where they were picked, z, y, x in voxels."""
    truth: NDArray[np.int_]
    """(n,) their rows in the tomogram's table."""


def picked(tomogram: Simulated, cell: Cell, network: Network | None) -> Picked:
    """Cut the boxes of a cell's particles, with the masks that it asks for."""
    size, pairs = COMPLEXES[cell.pdb_id][2], tomogram.matched_picks()
    rows = np.argsort(pairs.truth)
    rows = rows[tomogram.particles.pdb_ids[pairs.truth[rows]] == cell.pdb_id]
    centres, truth = tomogram.picks()[pairs.picks[rows]], pairs.truth[rows]
    boxes = cut_boxes(tomogram.voxels, centres, size)
    boxes = _chosen(boxes, np.arange(len(boxes.rows))[: cell.count or None])
    centres, truth = centres[boxes.rows], truth[boxes.rows]
    if cell.masks.removesuffix("+") == "true":
        corners = crop_corners(centres, size)
        own = [crop(tomogram.labels, c, size) == t + 1 for c, t in zip(corners, truth, strict=True)]
    elif network is not None:
        own = [network.target(tomogram, centre, size) for centre in centres]
    else:
        return Picked(boxes, centres, truth)
    masks = np.array(own)
    seen = masks.any(axis=(1, 2, 3))  # the command leaves out particles without a mask, too
    return Picked(_chosen(replace(boxes, masks=masks), seen), centres[seen], truth[seen])


def _chosen(boxes: Boxes, rows: NDArray[np.int_] | NDArray[np.bool_]) -> Boxes:
    """Select boxes."""
    masks = None if boxes.masks is None else boxes.masks[rows]
    return Boxes(boxes.rows[rows], boxes.images[rows], masks, boxes.middles[rows])


def average_cell(
    tomogram: Simulated, cell: Cell, network: Network | None, maps: Path | None
) -> dict[str, float]:
    """Average the particles of a cell, and compare with the truth."""
    symmetry, diameter, size = COMPLEXES[cell.pdb_id]
    particles = picked(tomogram, cell, network)
    if not len(particles.truth):  # the network has found no voxel of any
        return {"particles": 0.0}
    options = AverageOptions(
        diameter_angstrom=diameter,
        symmetry=symmetry,
        masked="none" if cell.masks == "none" else "sphere",
        average_masked=cell.masks.endswith("+"),
        max_shift_angstrom=30.0,
        threads=1,
    )
    voxel = tomogram.voxel_size_angstrom
    stack = make_stack(particles.boxes, particles.centres, options, voxel)
    rng = generator(0, "averaging")
    structure = tomogram.results / "structures" / f"{cell.pdb_id}.npz"
    true, axes = true_map(structure, size, voxel, symmetry)
    rotations = tomogram.particles.rotations[particles.truth] @ axes
    started = time.process_time()
    shifts = tomogram.particles.centres[particles.truth] - particles.boxes.middles
    averages = aligned(stack, cell, true, Poses(rotations, shifts, np.zeros(len(shifts))), rng)
    cpu_s = time.process_time() - started
    if maps is not None:
        name = f"{tomogram.dataset} {cell.method}".replace(", ", "_").replace(" ", "_")
        write_mrc(maps / f"{name}.mrc", averages.average, voxel)
    seen, frame = cut_out(averages.average, stack.sphere), np.eye(3)
    if cell.alignment in {"unknown", "random"}:
        pose = superpose(seen, cut_out(true, stack.sphere), stack.first_shell, 3.0, rng)
        frame = pose.rotations[0]
        seen = rotate_to_reference(seen, frame, pose.shifts[0])
    error = angular_error_deg(rotations[averages.rows], averages.poses.rotations @ frame, symmetry)
    curve = shell_correlation(seen, cut_out(true, stack.sphere))
    box_angstrom = size * voxel
    return {
        "particles": len(error),
        "median_error_deg": float(np.median(error)),
        f"within_{RIGHT_DEG:g}_deg": float((error < RIGHT_DEG).mean()),
        "half_fsc_0.143_angstrom": resolution_angstrom(averages.fsc, 0.143, box_angstrom),
        "true_fsc_0.143_angstrom": resolution_angstrom(curve, 0.143, box_angstrom),
        "true_fsc_0.5_angstrom": resolution_angstrom(curve, 0.5, box_angstrom),
        "cpu_s": cpu_s,
    }


def aligned(
    stack: Stack,
    cell: Cell,
    true: NDArray[np.float32],
    poses: Poses,
    rng: np.random.Generator,
) -> Averages:
    """Align and average particles whose true map (s, s, s) and poses are known."""
    if cell.alignment in {"known", "unknown"}:
        reference = true if cell.alignment == "known" else initial_model(stack, rng)
        return refine(stack, reference, AverageOptions.rounds, rng)
    if cell.alignment == "random":
        turned = Rotation.random(len(poses), rng=rng).as_matrix()
        poses = replace(poses, rotations=turned)
    half_sets = rng.permutation(np.arange(len(poses)) % 2) + 1
    rows = [np.flatnonzero(half_sets == half) for half in (1, 2)]
    sums = [stack.sum_up(part, poses[part]) for part in rows]
    first, second = (part.average() for part in sums)
    fsc = shell_correlation(cut_out(first, stack.sphere), cut_out(second, stack.sphere))
    whole = (sums[0] + sums[1]).average()
    return Averages(np.arange(len(poses)), poses, half_sets, (first, second), whole, fsc)
