"""`ssn3d pick`."""

import argparse
from dataclasses import dataclass
from pathlib import Path

from ssn3d.cli.table_options import table_options
from ssn3d.core.errors import DataError
from ssn3d.core.log import logger
from ssn3d.io.files import check_utf8
from ssn3d.io.particles.files import check_name, check_suffix, write_particle_table
from ssn3d.io.particles.of_tomogram import frame_of_volume
from ssn3d.io.particles.relion import write_import_list
from ssn3d.io.particles.table import ParticleTable
from ssn3d.io.tomogram import name_of, open_tomogram
from ssn3d.io.volumes import open_volume
from ssn3d.picking.blocks import Read
from ssn3d.picking.dog import IsData
from ssn3d.picking.pick import Choice, Picks, pick_blobs, pick_regions


def run(arguments: argparse.Namespace) -> None:
    """Pick particles in a tomogram or its segmentation, and write them."""
    suffix = check_suffix(arguments.output)
    check_utf8(arguments.output, "give --output a name that RELION can list")
    volume = _open(arguments)
    # of the tomogram, not of what `segment` made of it
    named = name_of(volume.path).removesuffix("_probability").removesuffix("_labels")
    options = table_options(arguments)
    name, frame = frame_of_volume(named, volume.shape, volume.voxel_size_angstrom, options)
    check_utf8(name, "rename the file, or name the tomogram with --name")
    check_name(name)
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


@dataclass(frozen=True)
class _Volume:
    """What is picked in: a tomogram whose protein is dark, or a segmentation."""

    path: Path
    shape: tuple[int, int, int]
    voxel_size_angstrom: float
    read: Read
    is_data: IsData | None = None


def _open(arguments: argparse.Namespace) -> _Volume:
    """Open the tomogram, and see to it that protein is dark; or the segmentation."""
    path = Path(arguments.tomogram)
    if arguments.method == "segmentation":
        segmented = open_volume(path)
        size = segmented.voxel_size_angstrom(arguments.voxel_size)
        return _Volume(path, segmented.shape, size, segmented.read_float32)
    tomogram = open_tomogram(path, arguments.voxel_size, arguments.protein)
    grid = tomogram.grid
    return _Volume(path, grid.shape, grid.voxel_size_angstrom, tomogram.read_dark, tomogram.is_data)


def _pick(arguments: argparse.Namespace, volume: _Volume) -> Picks:
    """Pick by the method asked for."""
    mask = None if arguments.mask is None else open_volume(arguments.mask).read(slice(None))
    choice = Choice(arguments.threshold, arguments.max, arguments.distance, mask)
    size = volume.voxel_size_angstrom
    if arguments.method == "segmentation":
        return pick_regions(volume.read, volume.shape, size, arguments.smallest, choice)
    if arguments.diameter is None:
        raise DataError("no --diameter: give the particles' diameter in angstrom")

    return pick_blobs(
        volume.read, volume.shape, size, arguments.diameter, choice, is_data=volume.is_data
    )
