"""Boxes around the picks of several tomograms."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssn3d.averaging.boxes import Boxes, usable
from ssn3d.averaging.options import AverageOptions
from ssn3d.averaging.steps import Prepared, box_voxels, make_stack, read_map
from ssn3d.averaging.wedge import measured_sections, warn_of_tilts
from ssn3d.core.cubes import crop, crop_corners, lies_inside, nearest_voxels
from ssn3d.core.errors import DataError
from ssn3d.core.log import logger
from ssn3d.io.files import PathLike
from ssn3d.io.mrc import read_mrc, same_voxel_size
from ssn3d.io.particles.files import read_particle_table
from ssn3d.io.particles.frame import TomogramFrame
from ssn3d.io.particles.of_tomogram import frame_of_tomogram
from ssn3d.io.particles.table import ParticleTable
from ssn3d.io.tomogram import Tomogram
from ssn3d.recovery.sample import open_sample
from ssn3d.recovery.samples_table import Sample

_Cubes = list[NDArray[Any]]


@dataclass(frozen=True)
class Source:
    """A tomogram with its picks and their instance labels."""

    sample: Sample
    picks: PathLike
    instances: PathLike | None
    """MRC file; label i is the instance of pick i. None if no network's masks are used."""
    rows: NDArray[np.int_] | None
    """(n,) rows of the picks to use; None for all."""


def prepare_picks(
    sources: Sequence[Source], options: AverageOptions, truth: PathLike | None
) -> Prepared:
    """Cut a box around each pick, if it lies in its tomogram, and mask it.

    Particles are masked by their instances if there are any. `truth` is the true map.

    Raises DataError if voxel sizes differ, or there are too few picks.
    """
    tomograms = [open_sample(source.sample) for source in sources]
    _check_voxel_sizes(tomograms)
    voxel_angstrom = tomograms[0].grid.voxel_size_angstrom
    size = box_voxels(options, voxel_angstrom)
    for source, tomogram in zip(sources, tomograms, strict=True):
        _check_tilts(tomogram, source.sample.tilt_range_deg)
    frames = {tomogram.name: frame_of_tomogram(tomogram) for tomogram in tomograms}
    parts = [_cut(s, t, frames[t.name], size) for s, t in zip(sources, tomograms, strict=True)]
    table = ParticleTable.joined([part[0] for part in parts])
    rows = np.flatnonzero(np.concatenate([part[1] for part in parts]))
    images = [box for part in parts for box in part[2]]
    masks = [mask for part in parts for mask in part[3]]
    boxes = Boxes(
        rows,
        np.reshape(images, (-1, size, size, size)),
        np.array(masks) if masks else None,
        nearest_voxels(table.particles.centres[rows]),
    )
    boxes = usable(boxes, len(table))
    chosen = table[boxes.rows]
    stack = make_stack(boxes, chosen.particles.centres, options, voxel_angstrom)
    apart = 2 * max(max(tomogram.grid.shape) for tomogram in tomograms)
    numbers = np.repeat(np.arange(len(parts)), [len(part[0]) for part in parts])[boxes.rows]
    stack = replace(stack, places=stack.places + np.outer(apart * numbers, (1, 0, 0)))
    true = None if truth is None else read_map(truth, stack, voxel_angstrom)
    return Prepared(chosen, frames, voxel_angstrom, stack, true)


def _check_voxel_sizes(tomograms: Sequence[Tomogram]) -> None:
    first = tomograms[0]
    for tomogram in tomograms:
        sizes = tomogram.grid.voxel_size_angstrom, first.grid.voxel_size_angstrom
        if not same_voxel_size(*sizes):
            raise DataError(
                f"{tomogram.name}: voxels of {sizes[0]:.4g} A, but {first.name} has "
                f"{sizes[1]:.4g} A; average tomograms of equal voxel size"
            )


def _check_tilts(tomogram: Tomogram, tilt_range_deg: tuple[float, float]) -> None:
    """Log a warning if the power of a tomogram contradicts its tilts."""
    numbers = measured_sections(tomogram.grid.shape[1]).tolist()
    sections = [tomogram.read_dark((slice(None), slice(y, y + 1))) for y in numbers]
    warn_of_tilts(np.concatenate(sections, axis=1), tilt_range_deg, str(tomogram.path))


def _cut(
    source: Source, tomogram: Tomogram, frame: TomogramFrame, size: int
) -> tuple[ParticleTable, NDArray[np.bool_], _Cubes, _Cubes]:
    """Cut out boxes (s, s, s) around the picks of one tomogram, and masks of their instances.

    Returns the picks (n), which of them have their box in the tomogram (n,), and both of these.
    """
    table = read_particle_table(source.picks, frame)
    table = replace(table, tomograms=np.full(len(table), tomogram.name))
    table = table if source.rows is None else table[source.rows]
    centres = table.particles.centres
    inside = lies_inside(centres, size, tomogram.grid.shape)
    message = "%s: %d of %d picks have their box of %d^3 voxels in the tomogram"
    logger.info(message, tomogram.name, inside.sum(), len(table), size)
    corners = crop_corners(centres[inside], size)
    boxes = [tomogram.box(tuple(corner.tolist()), (size, size, size)) for corner in corners]
    if source.instances is None:
        return table, inside, boxes, []
    instances, _ = read_mrc(source.instances, tomogram.grid.shape)
    pairs = zip(table.file_rows[inside], corners, strict=True)
    return table, inside, boxes, [crop(instances, c, size) == row + 1 for row, c in pairs]
