"""Pick particles: a tomogram or its segmentation comes in, a table of particles goes out."""

from pathlib import Path
from typing import Literal

from ssn3d.core.log import logger
from ssn3d.io.files import PathLike, check_utf8
from ssn3d.io.particles.files import check_name, check_suffix, write_particle_table
from ssn3d.io.particles.of_tomogram import TableOptions, frame_of_volume
from ssn3d.io.particles.relion import Relion
from ssn3d.io.particles.table import ParticleTable
from ssn3d.io.tomogram import Protein, name_of, open_tomogram
from ssn3d.io.volumes import open_volume
from ssn3d.picking.pick import Choice, Picks, pick_blobs, pick_regions
from ssn3d.recovery.samples_table import Sample
from ssn3d.recovery.settings import PickingSettings

Method = Literal["dog", "segmentation"]
_DEFAULTS = TableOptions()


def pick_particles(
    path: PathLike,
    output: PathLike,
    method: Method,
    diameter_angstrom: float,
    choice: Choice,
    *,
    voxel_size_angstrom: float | None = None,
    protein: Protein = "auto",
    table: TableOptions = _DEFAULTS,
    relion: Relion = 5,
) -> ParticleTable:
    """Write the picks of a tomogram or its segmentation; log how they were chosen.

    Args:
        path: tomogram or, for the method `segmentation`, volume of probabilities or labels.
        output: table of picks (.star, .csv or .json).
        method: difference of Gaussians, or regions of a segmentation.
        diameter_angstrom: diameter of the particles; for `segmentation`, of the smallest one.
        choice: threshold, mask and spacing.
        voxel_size_angstrom: voxel size, instead of the header's.
        protein: contrast of the tomogram.
        table: name of the tomogram (by default from the file name), units and offset.
        relion: STAR dialect.

    Raises:
        DataError: the volume or the mask cannot be picked in, or the output cannot be named so.
        WriteError: the table cannot be written.
    """
    check_suffix(output)
    check_utf8(str(output), "give --output a name that RELION can list")
    path, is_data = Path(path), None
    if method == "dog":
        tomogram = open_tomogram(path, voxel_size_angstrom, protein)
        read, is_data = tomogram.read_dark, tomogram.is_data
        shape, size = tomogram.grid.shape, tomogram.grid.voxel_size_angstrom
    else:
        volume = open_volume(path)
        read, shape = volume.read_float32, volume.shape
        size = volume.voxel_size_angstrom(voxel_size_angstrom)
    named = name_of(path).removesuffix("_probability").removesuffix("_labels")  # by `segment`
    name, frame = frame_of_volume(named, shape, size, table)
    check_utf8(name, "rename the file, or name the tomogram with --name")
    check_name(name)
    picks: Picks
    if method == "dog":
        picks = pick_blobs(read, shape, size, diameter_angstrom, choice, is_data=is_data)
    else:
        picks = pick_regions(read, shape, size, diameter_angstrom, choice)
    logger.info("%s: %s", path, picks.why)
    picked = ParticleTable.of_picks(name, picks.centres, picks.scores)
    write_particle_table(output, picked, frame, tomogram=name, relion=relion)
    return picked


def pick_sample(
    sample: Sample, settings: PickingSettings, picks: PathLike, probability: PathLike | None = None
) -> None:
    """Write the picks of a tomogram or, where it is given, of its segmentation.

    Raises:
        DataError: the volume cannot be picked in.
        WriteError: the table cannot be written.
    """
    threshold = None if settings.threshold == "auto" else settings.threshold
    choice = Choice(threshold, most=None, distance_angstrom=None, mask=None)
    named = TableOptions(name=sample.name)
    if probability is None:
        pick_particles(
            *(sample.file, picks, "dog", settings.diameter_angstrom, choice),
            voxel_size_angstrom=sample.voxel_size_angstrom,
            table=named,
        )
    else:
        smallest = settings.smallest_diameter_angstrom
        pick_particles(probability, picks, "segmentation", smallest, choice, table=named)
