"""`ssn3d pick`."""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ssn3d.commands.mapped_volume import MappedVolume, open_volume
from ssn3d.errors import DataError
from ssn3d.log import logger
from ssn3d.particle_tables.files import check_suffix, write_particle_table
from ssn3d.particle_tables.frame import TomogramFrame, frame_of, read_tomograms_star
from ssn3d.particle_tables.relion import write_import_list
from ssn3d.particle_tables.table import ParticleTable
from ssn3d.picking.pick import Choice, Picks, pick_blobs, pick_regions


def run(arguments: argparse.Namespace) -> None:
    """Pick particles in a tomogram or its segmentation, and write them."""
    suffix = check_suffix(arguments.output)
    volume = open_volume(arguments.tomogram, arguments.voxel_size)
    name = arguments.name or volume.path.stem
    frame = _frame(arguments, volume, name)
    z, y, x = volume.shape
    logger.info("%s: %dx%dx%d voxels of %.4g A", volume.path, x, y, z, volume.voxel_size_angstrom)
    picks = _pick(arguments, volume)
    logger.info("%s: %s", volume.path, picks.why)
    table = ParticleTable.of_picks(name, picks.centres, picks.scores)
    write_particle_table(arguments.output, table, frame, tomogram=name, relion=arguments.relion)
    print(f"{arguments.output}: {len(table)} particles")
    if suffix == ".star" and arguments.relion == 5 and len(table):  # noqa: PLR2004 -- a version
        output = Path(arguments.output)
        listed = output.with_name(f"{output.stem}_import.star")
        write_import_list(listed, name, str(output.absolute()))
        print(f"{listed}: for RELION 5's import of coordinates")


def _frame(arguments: argparse.Namespace, volume: MappedVolume, name: str) -> TomogramFrame:
    """What ties voxels to the coordinates that are written; RELION's own sizes where it has any."""
    if arguments.tomograms is None:
        size = volume.voxel_size_angstrom
        return TomogramFrame.of_volume(volume.shape, size, arguments.pixel_size)
    known = frame_of(read_tomograms_star(arguments.tomograms), name)
    pixel = arguments.pixel_size or known.pixel_size_angstrom
    return TomogramFrame(known.size_angstrom, volume.voxel_size_angstrom, pixel)


def _pick(arguments: argparse.Namespace, volume: MappedVolume) -> Picks:
    """Pick by the method asked for."""
    mask = None if arguments.mask is None else open_volume(arguments.mask, 1.0).voxels
    choice = Choice(arguments.threshold, arguments.max, arguments.distance, mask)
    size = volume.voxel_size_angstrom
    if arguments.method == "segmentation":
        return pick_regions(volume.read, volume.shape, size, arguments.smallest, choice)
    if arguments.diameter is None:
        raise DataError("no --diameter: give the particles' diameter in angstrom")

    def read(where: tuple[slice, ...]) -> NDArray[np.float32]:
        """Read with protein dark."""
        voxels = volume.read(where)
        return voxels if arguments.protein == "dark" else -voxels

    return pick_blobs(read, volume.shape, size, arguments.diameter, choice)
