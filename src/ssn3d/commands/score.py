"""`ssn3d score`."""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ssn3d.commands import score_predictions
from ssn3d.errors import DataError
from ssn3d.mapped_volume import open_volume
from ssn3d.particle_tables.files import SUFFIXES, read_particle_table
from ssn3d.particle_tables.frame import (
    Frames,
    TomogramFrame,
    frame_of,
    read_tomograms_star,
)
from ssn3d.particle_tables.table import ParticleTable
from ssn3d.picking.scoring import PickingScore, score_picks, score_voxels

_UNKNOWN = TomogramFrame((np.nan, np.nan, np.nan), 1.0, np.nan)
"""Of a tomogram that nobody has given: its voxels are angstrom."""
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
    if suffix not in SUFFIXES:
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
    frames = _frames(arguments)
    picks = read_particle_table(arguments.picks, frames)
    truth = read_particle_table(arguments.truth, frames)
    truth = truth[_inside(truth, frames)]
    if not len(truth):
        raise DataError(f"{arguments.truth}: no particles in the tomogram; give the true ones")
    groups = _groups(picks, truth)
    return score_picks(
        _angstrom(picks, frames) + groups[0],
        _angstrom(truth, frames) + groups[1],
        truth.particles.pdb_ids,
        distance,
    )


def _frames(arguments: argparse.Namespace) -> Frames:
    """Give the tomogram's frame, or those of RELION's list of tomograms."""
    if arguments.tomogram is None:
        return _UNKNOWN
    if Path(arguments.tomogram).suffix == ".star":
        return read_tomograms_star(arguments.tomogram)
    volume = open_volume(arguments.tomogram, arguments.voxel_size)
    return TomogramFrame.of_volume(volume.shape, volume.voxel_size_angstrom)


def _angstrom(table: ParticleTable, frames: Frames) -> NDArray[np.float64]:
    """Positions (n, 3) in angstrom."""
    sizes = [frame_of(frames, name).voxel_size_angstrom for name in table.tomograms]
    return np.asarray(table.particles.centres * np.array(sizes, dtype=float).reshape(-1, 1))


def _inside(table: ParticleTable, frames: Frames) -> NDArray[np.bool_]:
    """Which particles have their centres in their tomogram, (n,); all where none is known."""
    sizes = [frame_of(frames, name).size_angstrom for name in table.tomograms]
    voxels = [frame_of(frames, name).voxel_size_angstrom for name in table.tomograms]
    half = np.array(voxels, dtype=float).reshape(-1, 1) / 2
    below, above = _angstrom(table, frames) + half, np.array(sizes).reshape(-1, 3)
    inside = ((below >= 0) & (below < above)) | np.isnan(above)
    return np.asarray(inside.all(axis=1))


def _groups(picks: ParticleTable, truth: ParticleTable) -> list[NDArray[np.float64]]:
    """Shifts (n, 1) in angstrom that keep the particles of different tomograms apart.

    Raises DataError where the tables share no tomogram. One tomogram in each is the same one.
    """
    tables = (picks, truth)
    names = [sorted(set(table.tomograms.tolist())) for table in tables]
    if max(map(len, names)) <= 1:
        return [np.zeros((len(table), 1)) for table in tables]
    if len(picks) and not set(names[0]) & set(names[1]):
        raise DataError(
            f"no tomogram in common: picks in {', '.join(names[0])}, truth in "
            f"{', '.join(names[1])}; name them alike"
        )
    known = sorted({name for of_table in names for name in of_table})
    places = [np.searchsorted(known, table.tomograms)[:, None] for table in tables]
    return [_APART_ANGSTROM * place.astype(np.float64) for place in places]


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
    found, true = (open_volume(path, 1.0) for path in (arguments.picks, arguments.truth))
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
