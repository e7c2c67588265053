"""Average of particles, from files to files."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ssn3d.averaging.average import rotate_to_reference
from ssn3d.averaging.boxes import Boxes, cut_boxes, fit_map, with_dark_protein
from ssn3d.averaging.fsc import describe, shell_correlation
from ssn3d.averaging.initial_model import initial_model
from ssn3d.averaging.masks import cut_out, soft_masks, soft_sphere
from ssn3d.averaging.options import AverageOptions
from ssn3d.averaging.refine import Averages, Stack, refine
from ssn3d.averaging.superpose import superpose, symmetry_score
from ssn3d.averaging.symmetry import symmetry_rotations
from ssn3d.averaging.wedge import warn_of_tilts
from ssn3d.core.cubes import nearest_voxels
from ssn3d.core.errors import DataError
from ssn3d.core.log import logger
from ssn3d.core.particles import Particles
from ssn3d.core.seeds import generator
from ssn3d.io.files import PathLike
from ssn3d.io.mrc import read_labels, read_mrc, same_voxel_size, write_mrc
from ssn3d.io.particles.files import check_name, write_particle_table
from ssn3d.io.particles.frame import Frames
from ssn3d.io.particles.names import same_tomogram
from ssn3d.io.particles.of_tomogram import frame_of_volume, read_particles_of
from ssn3d.io.particles.table import ParticleTable
from ssn3d.io.tables import write_csv
from ssn3d.io.tomogram import open_tomogram

_BOX_DIAMETERS = 1.5
_SMALLEST_BOX_VOXELS = 8
_LEAST_SYMMETRY = 0.9
_LEAST_FIRST_SHELL = 3
_MERGED_DIAMETERS = 1 / 3
"""Particles within this distance, in diameters, are the same; elongated ones may be as near."""


@dataclass(frozen=True)
class Inputs:
    """Input files of an average."""

    particles: PathLike
    """Table of particles."""
    tomogram: PathLike
    """Volume of any contrast and voxel size."""
    labels: PathLike | None = None
    """MRC file of the tomogram's shape; label i is the mask of the i-th of its particles."""
    reference: PathLike | None = None
    """MRC file; without it, a first reference is made from the particles."""
    truth: PathLike | None = None
    """MRC file of a true map, with which the average is compared."""


def average_particles(inputs: Inputs, folder: PathLike, options: AverageOptions) -> pd.DataFrame:
    """Align and average the particles of a tomogram.

    Writes average.mrc, half1.mrc, half2.mrc (protein dark; not masked), fsc.csv, particles.star
    (the averaged particles at their new poses) and particles.csv (their tomograms and rows in the
    input, half sets, scores and shifts) to the folder.

    Returns:
        The FSC: columns resolution_angstrom, half_maps, truth (with a true map) and shared, which
        is 1 up to the last shell in which averages of noise agree as well (`fsc`).

    Raises:
        DataError: a file is missing, damaged or of another voxel size or shape, there are too few
            particles, or the reference lacks the symmetry.
        WriteError: a file cannot be written.
    """
    rng = generator(options.seed, "average")
    prepared = prepare(inputs, options)
    reference = first_reference(inputs.reference, prepared, options, rng)
    return average_prepared(prepared, reference, folder, options.rounds, rng)[0]


@dataclass(frozen=True)
class Prepared:
    """Particles in masked boxes."""

    table: ParticleTable
    """Input particles whose boxes lie in their tomograms, named as in the output."""
    frames: Frames
    """Frames of the output table."""
    voxel_angstrom: float
    stack: Stack
    truth: NDArray[np.float32] | None
    """(s, s, s), true map."""

    def __getitem__(self, rows: NDArray[np.int_]) -> "Prepared":
        return replace(self, table=self.table[rows], stack=self.stack[rows])


def prepare(inputs: Inputs, options: AverageOptions) -> Prepared:
    """Read a tomogram, its particles and masks, and the true map.

    Raises DataError as `average_particles` does.
    """
    tomogram = open_tomogram(inputs.tomogram, options.voxel_size_angstrom, options.protein)
    voxel_angstrom = tomogram.grid.voxel_size_angstrom
    volume = tomogram.read_dark(slice(None))
    labels = None if inputs.labels is None else read_labels(inputs.labels)
    table = read_particles_of(inputs.particles, tomogram, options.table)
    shape = tomogram.grid.shape
    named, frame = frame_of_volume(tomogram.name, shape, voxel_angstrom, options.table)
    warn_of_tilts(volume, options.tilt_range_deg, str(inputs.tomogram))
    size = box_voxels(options, voxel_angstrom)
    boxes = cut_boxes(volume, table.particles.centres, size, labels)
    listed = str(table.tomograms[0])
    is_number = listed.isdecimal() and same_tomogram(listed, [named]) is None  # Dynamo's
    name = check_name(named if is_number else listed or named)
    chosen = replace(table, tomograms=np.full(len(table), name))[boxes.rows]
    stack = make_stack(boxes, chosen.particles.centres, options, voxel_angstrom)
    truth = None if inputs.truth is None else read_map(inputs.truth, stack, voxel_angstrom)
    return Prepared(chosen, frame, voxel_angstrom, stack, truth)


def first_reference(
    path: PathLike | None, prepared: Prepared, options: AverageOptions, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Read the reference (s, s, s) or, without a file, make one from the particles."""
    if path is None:
        return initial_model(prepared.stack, rng)
    reference = read_map(path, prepared.stack, prepared.voxel_angstrom)
    _check_symmetry(path, reference, prepared.stack, options.symmetry)
    return reference


def average_prepared(
    prepared: Prepared,
    reference: NDArray[np.float32],
    folder: PathLike,
    rounds: int,
    rng: np.random.Generator,
) -> tuple[pd.DataFrame, ParticleTable, NDArray[np.int_]]:
    """Align particles to a reference (s, s, s), average them, and write the results.

    Returns the FSC, the averaged particles, and their rows (n,) among the input particles.
    """
    averages = refine(prepared.stack, reference, rounds, rng)
    fsc = fsc_table(prepared.stack, averages, prepared.voxel_angstrom, prepared.truth, rng)
    maps = (averages.average, *averages.halves)
    for name, volume in zip(("average", "half1", "half2"), maps, strict=True):
        write_mrc(Path(folder) / f"{name}.mrc", volume, prepared.voxel_angstrom)
    write_csv(Path(folder) / "fsc.csv", fsc)
    return fsc, _write_poses(Path(folder), prepared[averages.rows], averages), averages.rows


def box_voxels(options: AverageOptions, voxel_angstrom: float) -> int:
    """Edge of the boxes, an even number. Raises DataError if the particle does not fit."""
    diameter = options.diameter_angstrom / voxel_angstrom
    size = options.box_voxels or 2 * int(np.ceil(_BOX_DIAMETERS * diameter / 2))
    if size % 2 or diameter > size or size < _SMALLEST_BOX_VOXELS:
        raise DataError(
            f"a box of {size} voxels of {voxel_angstrom:g} A for particles of "
            f"{options.diameter_angstrom:g} A; give an even --box, larger than the diameter"
        )
    if options.max_shift_angstrom > size * voxel_angstrom / 2:
        raise DataError(
            f"--max-shift {options.max_shift_angstrom:g} leaves boxes of {size * voxel_angstrom:g} "
            "A; give a smaller one, or a larger --box"
        )
    return size


def make_stack(
    boxes: Boxes, centres: NDArray[np.float64], options: AverageOptions, voxel_angstrom: float
) -> Stack:
    """Mask boxes around centres (n, 3), z, y, x in voxels, and set the options of alignment."""
    size = boxes.images.shape[-1]
    sphere = soft_sphere(size, options.diameter_angstrom / 2 / voxel_angstrom)
    if boxes.masks is not None:
        masks = soft_masks(boxes.masks)
    else:
        mask = sphere if options.masked == "sphere" else np.ones_like(sphere)
        masks = np.broadcast_to(mask, boxes.images.shape)
    masked = np.stack([cut_out(*pair) for pair in zip(boxes.images, masks, strict=True)])
    shell = round(size * voxel_angstrom / options.first_resolution_angstrom)
    first = min(max(shell, _LEAST_FIRST_SHELL), size // 2 - 1)
    logger.info("first reference: to %.1f A", size * voxel_angstrom / first)
    return Stack(
        images=masked if options.average_masked else boxes.images,
        masked=masked,
        sphere=sphere,
        centres=centres - boxes.middles,
        places=boxes.middles.astype(np.float64),
        merged_voxels=_MERGED_DIAMETERS * options.diameter_angstrom / voxel_angstrom,
        symmetry=symmetry_rotations(options.symmetry),
        tilt_range_deg=options.tilt_range_deg,
        first_shell=first,
        max_shift_voxels=options.max_shift_angstrom / voxel_angstrom,
        threads=options.threads,
    )


def read_map(path: PathLike, stack: Stack, voxel_angstrom: float) -> NDArray[np.float32]:
    """Read a map into a box (s, s, s), protein dark. Raises DataError for another voxel size."""
    volume, size_angstrom = read_mrc(path, default_voxel_size_angstrom=voxel_angstrom)
    if not same_voxel_size(size_angstrom, voxel_angstrom):
        raise DataError(
            f"{path}: voxels of {size_angstrom:g} A, but the tomogram's have {voxel_angstrom:g} A; "
            "rescale the map"
        )
    box = fit_map(volume, len(stack.sphere))
    dark, was_bright = with_dark_protein(box, stack.sphere)
    logger.info("%s: protein is %s", path, "bright; negated" if was_bright else "dark")
    return dark


def _check_symmetry(
    path: PathLike, reference: NDArray[np.float32], stack: Stack, name: str
) -> None:
    masked, unturned = cut_out(reference, stack.sphere), np.eye(3)[None]
    score = float(symmetry_score(masked, stack.symmetry, unturned, stack.first_shell)[0])
    if score < _LEAST_SYMMETRY:
        raise DataError(
            f"{path}: only {score:.0%} of it has the symmetry {name} (n-fold axis z, two-fold axis "
            "x); turn it to these axes, or give --symmetry C1"
        )


def fsc_table(
    stack: Stack,
    averages: Averages,
    voxel_angstrom: float,
    truth: NDArray[np.float32] | None,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Tabulate the FSC between half maps and with a true map (s, s, s), and log resolutions.

    The average is first superposed on the true map. Maps are compared within the stack's sphere.
    """
    box_angstrom = len(stack.sphere) * voxel_angstrom
    shells = np.arange(1, len(averages.fsc))
    curves = {"half_maps": averages.fsc}
    if truth is not None:
        masked, true = (cut_out(m, stack.sphere) for m in (averages.average, truth))
        found = superpose(masked, true, stack.first_shell, stack.max_shift_voxels, rng)
        curves["truth"] = shell_correlation(
            rotate_to_reference(masked, found.rotations[0], found.shifts[0]), true
        )
    for name, curve in curves.items():
        logger.info("%s", describe(name, curve, stack.evidence, box_angstrom))
    table = pd.DataFrame({"resolution_angstrom": box_angstrom / shells})
    table = table.assign(**{name: curve[1:] for name, curve in curves.items()})
    return table.assign(shared=(shells <= stack.evidence.shared_shell).astype(int))


def _write_poses(folder: Path, prepared: Prepared, averages: Averages) -> ParticleTable:
    """Write and return the particles at their poses."""
    poses, picked = averages.poses, prepared.table
    given = picked.particles.centres
    centres = nearest_voxels(given) + poses.shifts
    aligned = Particles(picked.particles.pdb_ids, centres, poses.rotations)
    table = ParticleTable(picked.tomograms, aligned, poses.scores, oriented=True)
    write_particle_table(folder / "particles.star", table, prepared.frames, tomogram="")
    columns = {
        "tomogram": picked.tomograms,
        "row": picked.file_rows + 1,
        "half_set": averages.half_sets,
        "score": poses.scores,
        "shift_angstrom": np.linalg.norm(centres - given, axis=1) * prepared.voxel_angstrom,
    }
    write_csv(folder / "particles.csv", pd.DataFrame(columns))
    return table
