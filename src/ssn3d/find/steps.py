"""Candidates on files: a segmented tomogram and the structures of targets in, their scores out."""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from ssn3d.core.errors import DataError
from ssn3d.core.particles import Particles
from ssn3d.find.candidates import are_right, diameter_angstrom, find_target
from ssn3d.find.like_them import RESOLUTION
from ssn3d.find.rivals import Candidates, compared_with_rivals, relative
from ssn3d.io.files import PathLike, read_json, write_json
from ssn3d.io.particles.of_tomogram import read_particles_of
from ssn3d.io.particles.simulated import read_particles
from ssn3d.io.text_files import listed
from ssn3d.io.tomogram import Tomogram
from ssn3d.io.volumes import open_volume
from ssn3d.measure.vacuum import specimen_of
from ssn3d.picking.balls import mean_in_balls
from ssn3d.recovery.sample import open_sample
from ssn3d.recovery.samples_table import Sample
from ssn3d.structures.structure import read_structure

_DISTANCE_OF_DIAMETER = 0.5
"""Largest distance of a right candidate from its particle."""


def write_candidates(
    sample: Sample,
    segmentation: tuple[PathLike, PathLike],
    structures: Mapping[str, PathLike],
    simulation: PathLike,
    path: PathLike,
    *,
    truth: PathLike | None,
    acquisition: PathLike | None,
    annotations: PathLike | None,
    threads: int,
) -> None:
    """Write the candidates for each target in one tomogram, as JSON.

    Where the particles of a target are known, it is said which candidates are right.

    Args:
        sample: the tomogram.
        segmentation: volumes of its probability of macromolecule, and of its labels.
        structures: file of each target's structure.
        simulation: settings of the simulation, with the resolution of the comparison.
        path: output: `centres` (z, y, x in voxels), the scores of `calibration`,
            `diameter_angstrom` and `diameter_voxels` and, if the particles are known, `correct` and
            `true`, by target.
        truth: particles of a simulated tomogram.
        acquisition: tilts of a simulated tomogram; otherwise those of the sample hold.
        annotations: table of all particles of one or more targets in a tomogram of the user's.
        threads: number of threads.

    Raises DataError if the tomogram or the annotations cannot be read, or name no target.
    """
    tomogram = open_sample(sample)
    size, shape = tomogram.grid.voxel_size_angstrom, tomogram.grid.shape
    tilts = sample.tilt_range_deg
    if acquisition is not None:
        angles = read_json(acquisition, "tilts")["tilts"]["angle_deg"]
        tilts = min(angles), max(angles)
    resolution = read_json(simulation, RESOLUTION)[RESOLUTION]
    probability, labels = map(open_volume, segmentation)
    is_specimen = specimen_of(tomogram)
    known = {} if truth is None else dict.fromkeys(structures, read_particles(truth))
    if annotations is not None:
        known = _annotated(annotations, tomogram, structures)
    found: dict[str, Any] = {}
    candidates = {}
    for target, file in structures.items():
        structure = read_structure(file)
        centres, scores, heights = find_target(
            tomogram,
            (probability, labels),
            structure,
            resolution,
            tilt_range_deg=tilts,
            is_specimen=is_specimen,
            threads=threads,
        )
        diameter = diameter_angstrom(structure.mass_dalton)
        candidates[target] = Candidates(centres, relative(scores), diameter / size)
        found[target] = {
            "centres": centres.tolist(),
            "score": scores.tolist(),
            "blob": heights.tolist(),
            "network": mean_in_balls(probability, centres, diameter / size).tolist(),
            "diameter_angstrom": diameter,
            "diameter_voxels": diameter / size,
        }
        if target in known:
            correct, true = are_right(
                *(centres, known[target], target),
                shape=shape,
                distance_voxels=_DISTANCE_OF_DIAMETER * diameter / size,
            )
            found[target] |= {"correct": correct.tolist(), "true": true}
    for target, rivals in compared_with_rivals(candidates).items():
        found[target]["rival"] = rivals.tolist()
    write_json(path, found)


def _annotated(
    path: PathLike, tomogram: Tomogram, targets: Collection[str]
) -> dict[str, Particles]:
    """Read the particles of a tomogram, by each target that they are annotated for.

    In a search for one target, particles without a class are its.
    """
    particles = read_particles_of(path, tomogram).particles
    if len(targets) == 1 and set(particles.pdb_ids.tolist()) == {""}:
        (target,) = targets
        names = np.full(len(particles), target)
        particles = Particles(names, particles.centres, particles.rotations)
    classes = set(particles.pdb_ids.tolist())
    found = [target for target in targets if target in classes]
    if not found:
        raise DataError(
            f"{path}: its classes ({listed(sorted(classes))}) name no target; give the class of "
            f"each particle, one of {listed(list(targets))}"
        )
    return dict.fromkeys(found, particles)
