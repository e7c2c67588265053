"""Scores of one simulated tomogram: picks and their instances against the true particles."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ssn3d.core.classes import MACROMOLECULE, are_class_labels
from ssn3d.core.cubes import lies_inside
from ssn3d.core.errors import DataError
from ssn3d.io.files import PathLike, write_json
from ssn3d.io.mrc import read_mrc
from ssn3d.io.particles.files import read_particle_table
from ssn3d.io.particles.frame import TomogramFrame
from ssn3d.io.particles.simulated import read_particles
from ssn3d.io.tables import read_csv, write_csv
from ssn3d.io.volumes import open_volume
from ssn3d.picking.score_files import macromolecule_labels
from ssn3d.picking.scoring import match

MATCHES = {"label": int, "pdb_id": str, "pick": int, "distance_angstrom": float, "iou": float}
"""Columns of the table of true particles. `pick` is the row, from 1, of the pick that found the
particle, or 0; its distance and the IoU of its instance are empty if there is none."""
OF_FOUND = ("distance_angstrom", "iou")
COUNTS = ("picks", "voxels")
"""Keys of the JSON file of counts."""


@dataclass(frozen=True)
class Truth:
    """Files of a simulated tomogram."""

    particles: PathLike
    labels: PathLike
    ground: PathLike
    """Table of background objects."""


def score_sample(
    truth: Truth,
    picks: PathLike,
    instances: PathLike,
    distance_angstrom: float,
    *,
    structure: PathLike | None,
    matches: PathLike,
    counts: PathLike,
) -> None:
    """Compare picks, their instances and, if given, a whole segmentation with the truth.

    Particles count whose centres are inside the tomogram, and picks at most a distance from them.
    Label i of the instances is pick i; in the structure, labels of the whole tomogram, 1 is
    macromolecule. Membrane proteins count as such in labels of all classes only: networks of two
    classes are trained to leave them out.

    Writes matches, a CSV file of the columns `MATCHES`, and counts, a JSON file: number of picks,
    and of protein voxels in both segmentation and truth, in the segmentation, and in the truth.

    Raises DataError if a file is missing or damaged, or volumes differ in shape.
    """
    labels, voxel_angstrom = read_mrc(truth.labels)
    targets, _ = read_mrc(instances)
    if targets.shape != labels.shape:
        raise DataError(f"{instances}: {targets.shape} voxels, the truth has {labels.shape}")
    frame = TomogramFrame.of_volume(labels.shape, voxel_angstrom)
    centres = read_particle_table(picks, frame).particles.centres
    particles = read_particles(truth.particles)
    inside = np.flatnonzero(lies_inside(particles.centres, 1, labels.shape))
    true = particles.centres[inside]
    pairs = match(centres * voxel_angstrom, true * voxel_angstrom, distance_angstrom)
    table = pd.DataFrame({"label": inside + 1, "pdb_id": particles.pdb_ids[inside], "pick": 0})
    table = table.assign(**dict.fromkeys(OF_FOUND, np.nan))
    table.loc[pairs.truth, "pick"] = pairs.picks + 1
    table.loc[pairs.truth, "distance_angstrom"] = pairs.distances
    found = pairs.picks + 1, inside[pairs.truth] + 1
    table.loc[pairs.truth, "iou"] = _ious(targets, labels, *found)
    write_csv(matches, table)
    voxels = None
    if structure is not None:
        whole, _ = read_mrc(structure, labels.shape)
        protein = np.arange(1, len(particles) + 1)
        if are_class_labels(open_volume(structure).labels):
            protein = macromolecule_labels(truth.particles, truth.ground)
        voxels = _structure_voxels(whole, labels, protein)
    write_json(counts, {"picks": len(centres), "voxels": voxels})


def _ious(
    targets: NDArray[np.integer],
    labels: NDArray[np.integer],
    picks: NDArray[np.int_],
    true: NDArray[np.int_],
) -> NDArray[np.float64]:
    """IoU of instances and true labels, by their numbers (n,); nan where both are empty."""
    partner = np.full(max(int(targets.max()), int(picks.max(initial=0))) + 1, -1)
    partner[picks] = true
    own, common = np.zeros((2, len(partner)), np.int_)
    theirs = np.zeros(max(int(labels.max()), int(true.max(initial=0))) + 1, np.int_)
    for section, truth in zip(targets, labels, strict=True):  # bounds memory
        own += np.bincount(section.ravel(), minlength=len(own))
        theirs += np.bincount(truth.ravel(), minlength=len(theirs))
        common += np.bincount(section[partner[section] == truth], minlength=len(own))
    union = own[picks] + theirs[true] - common[picks]
    ious = np.full(len(union), np.nan)
    np.divide(common[picks], union, out=ious, where=union > 0)
    return ious


def _structure_voxels(
    whole: NDArray[np.integer], labels: NDArray[np.integer], protein: NDArray[np.int_]
) -> list[int]:
    """Count protein voxels in both volumes, in the segmentation, and in the truth.

    `protein` (n,) are the labels of protein in the truth.
    """
    counts = np.zeros(3, dtype=int)
    for section, truth in zip(whole == MACROMOLECULE, labels, strict=True):
        true = np.isin(truth, protein)
        counts += [np.count_nonzero(section & true), section.sum(), true.sum()]
    return counts.tolist()


def picks_of(matches: PathLike, pdb_id: str) -> NDArray[np.int_]:
    """Rows of the picks whose true particle is of a class."""
    table = read_csv(matches, MATCHES, may_be_empty=OF_FOUND)
    own = (table["pdb_id"] == pdb_id) & (table["pick"] > 0)
    return np.sort(table["pick"][own].to_numpy()) - 1
