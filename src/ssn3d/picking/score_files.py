"""Score files: picks against a table of true particles, or a segmentation against true labels."""

from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ssn3d.core.background import classes_of_labels
from ssn3d.core.classes import MACROMOLECULE, are_class_labels
from ssn3d.core.errors import DataError
from ssn3d.core.log import logger
from ssn3d.io.files import PathLike
from ssn3d.io.particles.files import read_particle_table
from ssn3d.io.particles.frame import Frames, TomogramFrame, frames_of, read_tomograms_star
from ssn3d.io.particles.names import same_tomogram
from ssn3d.io.particles.of_tomogram import TableOptions, frame_of_volume, particles_named, placed
from ssn3d.io.particles.simulated import read_background, read_particles
from ssn3d.io.particles.table import ParticleTable
from ssn3d.io.stored_volume import StoredVolume
from ssn3d.io.text_files import listed
from ssn3d.io.tomogram import name_of, voxel_size_of
from ssn3d.io.volumes import open_volume
from ssn3d.picking.scoring import PickingScore, VolumeScore, score_picks, score_voxels

_UNKNOWN = TomogramFrame((np.nan, np.nan, np.nan), 1.0, np.nan)
"""Placeholder frame for tables without a tomogram: its voxels are angstrom."""
_BETWEEN_TOMOGRAMS_ANGSTROM = 1e7
INSTANCES_TITLE = "ssn3d instance labels"
"""Header text of the labels of a simulated tomogram (`specimen.steps`)."""


def score_tables(
    picks_path: PathLike,
    truth_path: PathLike,
    distance_angstrom: float,
    *,
    tomogram: PathLike | None,
    voxel_size_angstrom: float | None,
    options: TableOptions,
) -> PickingScore:
    """Score a table of picks, each at most a distance from its particle, by tomograms' names.

    `tomogram` is a volume, of a given voxel size or its header's, or RELION's tomograms.star;
    particles outside of it do not count. `options` has its name in the tables, and unit and offset
    of the picks.

    Raises DataError if a file is missing or damaged, there are no true particles, or the tables
    have no tomogram in common.
    """
    place = _place(tomogram, voxel_size_angstrom, options)
    picks = read_particle_table(picks_path, place.of_picks, options.pixel_size_angstrom)
    truth = read_particle_table(truth_path, place.of_truth)
    if place.name is not None:
        picks = particles_named(picks_path, picks, place.name, options.name)
        truth = particles_named(truth_path, truth, place.name, options.name)
    if place.volume is not None:
        cropped = any(options.offset_voxels)
        picks = placed(picks_path, picks, place.volume.path, place.volume.shape, cropped=cropped)
    true, inside = _angstrom(truth, place.of_truth)
    truth, true = truth[inside], true[inside]
    if not len(truth):
        raise DataError(f"{truth_path}: no particles in the tomogram; give the true ones")
    shifts = _tomogram_shifts(picks, truth)
    return score_picks(
        _angstrom(picks, place.of_picks)[0] + shifts[0],
        true + shifts[1],
        truth.particles.pdb_ids,
        distance_angstrom,
    )


class _Place(NamedTuple):
    """The tomogram or tomograms of the tables."""

    name: str | None
    """Tomogram whose particles are scored; None for all."""
    of_picks: Frames
    of_truth: Frames
    volume: StoredVolume | None


def _place(
    tomogram: PathLike | None, voxel_size_angstrom: float | None, options: TableOptions
) -> _Place:
    """Find the tomogram, or those of RELION's list; the offset is that of the picks."""
    cropped = any(options.offset_voxels)
    if tomogram is not None and Path(tomogram).suffix != ".star":
        volume = open_volume(tomogram)
        size = voxel_size_of(volume, voxel_size_angstrom)[0]
        unbinned = replace(options, pixel_size_angstrom=None)  # it is that of the picks alone
        name, frame = frame_of_volume(name_of(volume.path), volume.shape, size, unbinned)
        of_truth = TomogramFrame.of_volume(volume.shape, size) if cropped else frame
        return _Place(name, frame, of_truth, volume)
    if cropped:
        raise DataError("--offset: give the cropped volume with --tomogram, too")
    if voxel_size_angstrom is not None:
        raise DataError("--voxel-size: give the volume with --tomogram, too")
    if tomogram and options.tomograms:
        raise DataError(
            f"two lists of tomograms, {tomogram} and {options.tomograms}; give a volume with "
            "--tomogram, or one list"
        )
    tomograms = tomogram or options.tomograms
    frames: Frames = _UNKNOWN if tomograms is None else read_tomograms_star(tomograms)
    return _Place(options.name, frames, frames, None)


def _angstrom(table: ParticleTable, frames: Frames) -> tuple[NDArray[np.float64], NDArray[Any]]:
    """Positions (n, 3) in angstrom, and a mask (n,) of those inside their tomogram.

    The mask is True where the size of the tomogram is unknown.
    """
    rows = frames_of(frames, table.tomograms)
    voxels = np.array([row.voxel_size_angstrom for row in rows], dtype=float).reshape(-1, 1)
    sizes = np.array([row.size_angstrom for row in rows]).reshape(-1, 3)
    positions = np.asarray(table.particles.centres * voxels)
    edges = positions + voxels / 2
    return positions, (((edges >= 0) & (edges < sizes)) | np.isnan(sizes)).all(axis=1)


def _tomogram_shifts(picks: ParticleTable, truth: ParticleTable) -> list[NDArray[np.float64]]:
    """Shifts (n, 1) in angstrom that keep the particles of different tomograms apart.

    Tables of one tomogram each are taken as of the same one. Raises DataError if the tables have
    no tomogram in common.
    """
    of_picks, of_truth = picks.tomograms.tolist(), truth.tomograms.tolist()
    found, true = sorted(set(of_picks)), sorted(set(of_truth))
    if max(len(found), len(true)) <= 1:
        names = [name for name in (*found, *true) if name]
        if len(names) > 1 and same_tomogram(names[0], names[1:]) is None:
            logger.warning("picks of tomogram %s, truth of %s: taken as one", *names)
        return [np.zeros((len(table), 1)) for table in (picks, truth)]
    same = {name: same_tomogram(name, true) for name in found}
    unknown = [name or "no name" for name in found if same[name] is None]
    if unknown and len(unknown) == len(found):
        raise DataError(
            f"no tomogram in common: picks in {listed(unknown)}, truth in "
            f"{listed([name or 'no name' for name in true])}; name them alike, or give --name"
        )
    if unknown:
        message = "no particles in the truth of tomogram %s: all picks there count as wrong"
        logger.warning(message, listed(unknown))
    known = sorted({*found, *true})
    return [
        _BETWEEN_TOMOGRAMS_ANGSTROM * np.searchsorted(known, names).astype(float).reshape(-1, 1)
        for names in ([same[name] or name for name in of_picks], of_truth)
    ]


def score_volumes(found_path: PathLike, truth_path: PathLike, threshold: float) -> VolumeScore:
    """Score a segmentation by voxels; the truth is above 0, the segmentation from the threshold.

    In maps of all classes, as written by `segment`, only macromolecules count. So do they in the
    labels of a simulated tomogram if its particles.star and ground.star are beside them.

    Raises DataError if a file is missing or damaged, shapes differ, or the truth is empty.
    """
    found, true = (open_volume(path) for path in (found_path, truth_path))
    if found.shape != true.shape:
        raise DataError(
            f"{found.path}: {found.shape} voxels (z, y, x), the truth has {true.shape}; give two "
            "volumes of one shape"
        )
    protein = _protein_labels(true)
    counts = np.zeros(3, dtype=int)
    for z in range(found.shape[0]):
        where = (slice(z, z + 1),)
        predicted = _macromolecules(found, where, threshold)
        if protein is None:
            wanted = _macromolecules(true, where, None)
        else:
            wanted = np.isin(true.read(where), protein)
        counts += [(predicted & wanted).sum(), predicted.sum(), wanted.sum()]
    if not counts[2]:
        raise DataError(f"{true.path}: no voxel is above 0; give the true segmentation")
    return score_voxels(*counts.tolist())


def _protein_labels(volume: StoredVolume) -> NDArray[np.int_] | None:
    """Labels (n,) of macromolecules in the labels of a simulated tomogram; None if all count."""
    if INSTANCES_TITLE not in volume.labels:
        return None
    particles, ground = (volume.path.with_name(f"{what}.star") for what in ("particles", "ground"))
    if particles.is_file() and ground.is_file():
        return macromolecule_labels(particles, ground)
    logger.warning(
        "%s: all labels count as macromolecules, also those of gold and membranes; put its "
        "particles.star and ground.star beside it",
        volume.path,
    )
    return None


def macromolecule_labels(particles: PathLike, ground: PathLike) -> NDArray[np.int_]:
    """Labels (n,) of particles and membrane proteins, from the tables of a simulated tomogram.

    Raises DataError if a table is missing or damaged.
    """
    count, kinds = len(read_particles(particles)), read_background(ground).kinds
    labels = np.arange(1 + count + len(kinds), dtype=np.uint16)
    return np.flatnonzero(classes_of_labels(labels, count, kinds) == MACROMOLECULE)


def _macromolecules(
    volume: StoredVolume, where: tuple[slice, ...], threshold: float | None
) -> NDArray[np.bool_]:
    """Mask of macromolecules in part of a volume; without a threshold, of values above 0."""
    values = volume.read(where)
    if are_class_labels(volume.labels):
        return np.asarray(values == MACROMOLECULE)
    return np.asarray(values > 0 if threshold is None else values >= threshold)
