"""`ssn3d score`."""

import argparse
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ssn3d.cli import score_predictions
from ssn3d.cli.table_options import table_options
from ssn3d.core.errors import DataError
from ssn3d.core.log import logger
from ssn3d.io.particles.files import read_particle_table
from ssn3d.io.particles.frame import Frames, TomogramFrame, frames_of, read_tomograms_star
from ssn3d.io.particles.names import same_tomogram
from ssn3d.io.particles.of_tomogram import frame_of_volume, particles_named, placed
from ssn3d.io.particles.table import ParticleTable
from ssn3d.io.stored_volume import StoredVolume
from ssn3d.io.text_files import is_text, listed
from ssn3d.io.tomogram import name_of
from ssn3d.io.volumes import open_volume
from ssn3d.picking.scoring import PickingScore, score_picks, score_voxels

_UNKNOWN = TomogramFrame((np.nan, np.nan, np.nan), 1.0, np.nan)
"""Placeholder frame for tables without a tomogram: its voxels are angstrom."""
_APART_ANGSTROM = 1e7
_MASKS = {".h5", ".hdf5"}


def run(arguments: argparse.Namespace) -> None:
    """Score picks, a segmentation, or masks of subtomograms against the truth."""
    suffix = Path(arguments.picks).suffix.lower()
    if suffix in _MASKS:
        score_predictions.run(arguments)
        return
    if len(arguments.truth) > 1:
        raise DataError(f"--truth: {len(arguments.truth)} files, {arguments.picks} needs one")
    (arguments.truth,) = arguments.truth
    if not is_text(arguments.picks):
        _score_volumes(arguments)
    else:
        _print(_score_tables(arguments))


def _score_tables(arguments: argparse.Namespace) -> PickingScore:
    """Score a table of picks. Those of several tomograms are told apart by name."""
    if arguments.distance is None and arguments.diameter is None:
        raise DataError(
            "no --distance nor --diameter: say how near a pick must be, in angstrom, or the "
            "particles' diameter, of which it is a quarter"
        )
    distance = arguments.distance or arguments.diameter / 4
    place = _place(arguments)
    picks = read_particle_table(arguments.picks, place.of_picks, arguments.pixel_size)
    truth = read_particle_table(arguments.truth, place.of_truth)
    if place.name is not None:
        picks = particles_named(arguments.picks, picks, place.name, arguments.name)
        truth = particles_named(arguments.truth, truth, place.name, arguments.name)
    if place.volume is not None:
        cropped = any(arguments.offset)
        volume = place.volume
        picks = placed(arguments.picks, picks, volume.path, volume.shape, cropped=cropped)
    truth = truth[_inside(truth, place.of_truth)]
    if not len(truth):
        raise DataError(f"{arguments.truth}: no particles in the tomogram; give the true ones")
    groups = _groups(picks, truth)
    return score_picks(
        _angstrom(picks, place.of_picks) + groups[0],
        _angstrom(truth, place.of_truth) + groups[1],
        truth.particles.pdb_ids,
        distance,
    )


class _Place(NamedTuple):
    """The tomogram or tomograms that the tables are of."""

    name: str | None
    """Tomogram whose particles are scored; None for all."""
    of_picks: Frames
    of_truth: Frames
    volume: StoredVolume | None


def _place(arguments: argparse.Namespace) -> _Place:
    """Find the tomogram, or those of RELION's list. The offset is that of the picks."""
    options = table_options(arguments)
    tomogram = arguments.tomogram
    if tomogram is not None and Path(tomogram).suffix != ".star":
        volume = open_volume(tomogram)
        size = volume.voxel_size_angstrom(arguments.voxel_size)
        name, frame = frame_of_volume(name_of(volume.path), volume.shape, size, options)
        cropped = any(options.offset_voxels)
        of_truth = TomogramFrame.of_volume(volume.shape, size) if cropped else frame
        return _Place(name, frame, of_truth, volume)
    if any(options.offset_voxels):
        raise DataError("--offset: give the cropped volume with --tomogram, too")
    tomograms = tomogram or options.tomograms
    frames: Frames = _UNKNOWN if tomograms is None else read_tomograms_star(tomograms)
    return _Place(options.name, frames, frames, None)


def _angstrom(table: ParticleTable, frames: Frames) -> NDArray[np.float64]:
    """Positions (n, 3) in angstrom."""
    sizes = [row.voxel_size_angstrom for row in frames_of(frames, table.tomograms)]
    return np.asarray(table.particles.centres * np.array(sizes, dtype=float).reshape(-1, 1))


def _inside(table: ParticleTable, frames: Frames) -> NDArray[np.bool_]:
    """Which particles have their centres in their tomogram, (n,); all where none is known."""
    rows = frames_of(frames, table.tomograms)
    sizes = [row.size_angstrom for row in rows]
    voxels = [row.voxel_size_angstrom for row in rows]
    half = np.array(voxels, dtype=float).reshape(-1, 1) / 2
    below, above = _angstrom(table, frames) + half, np.array(sizes).reshape(-1, 3)
    inside = ((below >= 0) & (below < above)) | np.isnan(above)
    return np.asarray(inside.all(axis=1))


def _groups(picks: ParticleTable, truth: ParticleTable) -> list[NDArray[np.float64]]:
    """Shifts (n, 1) in angstrom that keep the particles of different tomograms apart.

    Raises DataError where the tables share no tomogram. One tomogram in each is the same one.
    """
    tables = (picks, truth)
    of_picks, of_truth = picks.tomograms.tolist(), truth.tomograms.tolist()
    names = sorted(set(of_picks)), sorted(set(of_truth))
    if max(map(len, names)) <= 1:
        both = [name for of_table in names for name in of_table if name]
        if len(both) == len(tables) and same_tomogram(both[0], both[1:]) is None:
            logger.warning("picks of tomogram %s, truth of %s: taken as one", *both)
        return [np.zeros((len(table), 1)) for table in tables]
    same = {name: same_tomogram(name, names[1]) for name in names[0]}
    unknown = [name or "no name" for name in names[0] if same[name] is None]
    if unknown and len(unknown) == len(names[0]):
        raise DataError(
            f"no tomogram in common: picks in {listed(unknown)}, truth in "
            f"{listed([name or 'no name' for name in names[1]])}; name them alike, or give --name"
        )
    if unknown:
        message = "no particles in the truth of tomogram %s: all picks there count as wrong"
        logger.warning(message, listed(unknown))
    known = sorted({*of_picks, *of_truth})
    places = [[same[name] or name for name in of_picks], of_truth]
    return [
        _APART_ANGSTROM * np.searchsorted(known, place).astype(np.float64).reshape(-1, 1)
        for place in places
    ]


def _print(score: PickingScore) -> None:
    """Print a score, and recall by class where there are classes."""
    lines = [
        f"picks      {score.picks}",
        f"particles  {score.truth}",
        f"found      {score.found}",
        f"precision  {score.precision:.4f}",
        f"recall     {score.recall:.4f}",
        f"F1         {score.f1:.4f}",
        f"F4         {score.f4:.4f}",
        f"mean error    {score.mean_error_angstrom:.1f} A",
        f"median error  {score.median_error_angstrom:.1f} A",
    ]
    lines += [
        f"  {name:<8} recall {recall:.4f} of {count}"
        for name, (recall, count) in score.recall_by_class.items()
        if name
    ]
    print("\n".join(lines))


def _score_volumes(arguments: argparse.Namespace) -> None:
    """Print how the voxels of a segmentation agree with the true ones."""
    found, true = (open_volume(path) for path in (arguments.picks, arguments.truth))
    if found.shape != true.shape:
        raise DataError(
            f"{found.path}: {found.shape} voxels (z, y, x), the truth has {true.shape}; give two "
            "volumes of one shape"
        )
    counts = np.zeros(3, dtype=int)
    for z in range(found.shape[0]):
        where = (slice(z, z + 1),)
        predicted = found.read(where) >= arguments.threshold
        wanted = true.read(where) > 0
        counts += [(predicted & wanted).sum(), predicted.sum(), wanted.sum()]
    if not counts[2]:
        raise DataError(f"{true.path}: no voxel is above 0; give the true segmentation")
    score = score_voxels(*counts.tolist())
    print(f"IoU        {score.iou:.4f}")
    print(f"precision  {score.precision:.4f}")
    print(f"recall     {score.recall:.4f}")
