"""Boxes around the picks of several tomograms, side by side in one volume."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssn3d.averaging.boxes import FEWEST
from ssn3d.core.cubes import crop, crop_corners, lies_inside
from ssn3d.core.errors import DataError
from ssn3d.core.log import logger
from ssn3d.io.files import PathLike
from ssn3d.io.mrc import read_mrc, same_voxel_size
from ssn3d.io.particles.files import read_particle_table
from ssn3d.io.particles.frame import TomogramFrame
from ssn3d.io.particles.of_tomogram import frame_of_tomogram
from ssn3d.io.tomogram import Tomogram
from ssn3d.recovery.sample import open_sample
from ssn3d.recovery.samples_table import Sample

_Cubes = list[NDArray[Any]]
_MOST = 65_535
"""Largest label of an MRC file of 16-bit integers."""


@dataclass(frozen=True)
class Source:
    """A tomogram with its picks and their instance labels."""

    sample: Sample
    picks: PathLike
    instances: PathLike | None
    """MRC file; label i is the instance of pick i. None if no network's masks are used."""
    rows: NDArray[np.int_] | None
    """(n,) rows of the picks to use; None for all."""


@dataclass(frozen=True)
class Gathered:
    """Boxes of s^3 voxels side by side in a volume, protein dark, and their origins."""

    volume: NDArray[np.float32]
    """(s, y, x)."""
    labels: NDArray[np.uint16]
    """(s, y, x): i in the instance of particle i (its row, from 1)."""
    centres: NDArray[np.float64]
    """(n, 3) picks in voxels of the volume."""
    offsets: NDArray[np.int_]
    """(n, 3) offsets from voxels of the volume to those of the tomogram."""
    tomograms: NDArray[np.str_]
    """(n,) names of tomograms."""
    picks: NDArray[np.int_]
    """(n,) rows of the picks in their tomograms' tables."""
    frames: dict[str, TomogramFrame]
    """Frames of the tomograms, by name."""
    voxel_size_angstrom: float


def gather_particles(sources: Sequence[Source], box_angstrom: float) -> Gathered:
    """Cut a box around each pick, if it lies in the tomogram, and put the boxes side by side.

    Raises DataError if voxel sizes differ, or there are too few or too many picks.
    """
    tomograms = [open_sample(source.sample) for source in sources]
    _check_voxel_sizes(tomograms)
    voxel_angstrom = tomograms[0].grid.voxel_size_angstrom
    size = 2 * int(np.ceil(box_angstrom / voxel_angstrom / 2))
    frames = {tomogram.name: frame_of_tomogram(tomogram) for tomogram in tomograms}
    parts = [_cut(s, t, frames[t.name], size) for s, t in zip(sources, tomograms, strict=True)]
    rows, centres = (np.concatenate([part[i] for part in parts]) for i in (0, 1))
    count = len(rows)
    if not FEWEST <= count <= _MOST:
        raise DataError(
            f"{count} picks can be averaged; give {FEWEST} to {_MOST}, farther than {size // 2} "
            "voxels from the borders of their tomograms"
        )
    columns = int(np.ceil(np.sqrt(count)))
    places = np.array([(0, i // columns, i % columns) for i in range(count)]) * size
    offsets = crop_corners(centres, size) - places
    boxes, masks = ([box for part in parts for box in part[i]] for i in (2, 3))
    labels = [np.where(mask, i, 0).astype(np.uint16) for i, mask in enumerate(masks, 1)]
    return Gathered(
        volume=_side_by_side(boxes, places),
        labels=_side_by_side(labels, places),
        centres=centres - offsets,
        offsets=offsets,
        tomograms=np.repeat([t.name for t in tomograms], [len(part[0]) for part in parts]),
        picks=rows,
        frames=frames,
        voxel_size_angstrom=voxel_angstrom,
    )


def _check_voxel_sizes(tomograms: Sequence[Tomogram]) -> None:
    """Raise DataError if tomograms differ in voxel size."""
    first = tomograms[0]
    for tomogram in tomograms:
        sizes = tomogram.grid.voxel_size_angstrom, first.grid.voxel_size_angstrom
        if not same_voxel_size(*sizes):
            raise DataError(
                f"{tomogram.name}: voxels of {sizes[0]:.4g} A, but {first.name} has "
                f"{sizes[1]:.4g} A; average tomograms of equal voxel size"
            )


def _cut(
    source: Source, tomogram: Tomogram, frame: TomogramFrame, size: int
) -> tuple[NDArray[np.int_], NDArray[np.float64], _Cubes, _Cubes]:
    """Cut out boxes (s, s, s) around the picks of one tomogram, and masks of their instances.

    Returns rows (n,) and centres (n, 3) of the picks whose boxes lie in the tomogram, and both.
    """
    centres = read_particle_table(source.picks, frame).particles.centres
    wanted = np.arange(len(centres)) if source.rows is None else source.rows
    rows = wanted[lies_inside(centres[wanted], size, tomogram.grid.shape)]
    message = "%s: %d of %d picks have their box of %d^3 voxels in the tomogram"
    logger.info(message, tomogram.name, len(rows), len(wanted), size)
    corners = crop_corners(centres[rows], size)
    boxes = [tomogram.box(tuple(corner.tolist()), (size, size, size)) for corner in corners]
    if source.instances is None:
        return rows, centres[rows], boxes, [np.zeros(box.shape, dtype=bool) for box in boxes]
    instances, _ = read_mrc(source.instances)
    pairs = zip(rows, corners, strict=True)
    masks = [crop(instances, corner, size) == row + 1 for row, corner in pairs]
    return rows, centres[rows], boxes, masks


def _side_by_side(boxes: Sequence[NDArray[Any]], places: NDArray[np.int_]) -> NDArray[Any]:
    """Put boxes (s, s, s) into a volume, their first voxels at `places` (n, 3)."""
    size = len(boxes[0])
    volume = np.zeros(places.max(axis=0) + size, boxes[0].dtype)
    for box, place in zip(boxes, places, strict=True):
        crop(volume, place, size)[:] = box
    return volume
