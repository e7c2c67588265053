"""Pick particles: a tomogram or its segmentation comes in, a table of particles goes out."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ssn3d.core.classes import MACROMOLECULE, are_class_labels, class_of_probability
from ssn3d.core.errors import DataError
from ssn3d.core.log import logger
from ssn3d.core.settings import Protein
from ssn3d.io.files import PathLike, check_utf8
from ssn3d.io.particles.files import check_name, check_suffix, write_particle_table
from ssn3d.io.particles.of_tomogram import TableOptions, frame_of_volume
from ssn3d.io.particles.relion import Relion
from ssn3d.io.particles.table import ParticleTable
from ssn3d.io.stored_volume import StoredVolume
from ssn3d.io.tomogram import Tomogram, name_of, open_tomogram, voxel_size_of
from ssn3d.io.volumes import open_volume
from ssn3d.measure.vacuum import specimen_of
from ssn3d.picking.balls import mean_in_balls
from ssn3d.picking.pick import Choice, Picks, pick_blobs, pick_regions, pick_sized
from ssn3d.picking.segmentation import Values
from ssn3d.recovery.samples_table import Sample
from ssn3d.recovery.settings import PickingSettings
from ssn3d.structures.surrogates import PROTEIN_ANGSTROM3_PER_DALTON

Method = Literal["dog", "segmentation"]
_DEFAULTS = TableOptions()


@dataclass(frozen=True)
class Sizes:
    """Diameters of particles in angstrom."""

    diameter: float | None = None
    """Required for `dog`; for `segmentation`, that of the particles, if they have one size."""
    smallest: float = 40.0
    """For `segmentation` without a diameter, as the next: diameters of spheres of equal volume."""
    largest: float = math.inf


def pick_particles(
    path: PathLike,
    output: PathLike,
    method: Method,
    sizes: Sizes,
    choice: Choice,
    *,
    voxel_size_angstrom: float | None = None,
    protein: Protein = "auto",
    table: TableOptions = _DEFAULTS,
    relion: Relion = 5,
    keep_vacuum: bool = False,
    probability: PathLike | None = None,
) -> ParticleTable:
    """Write the picks of a tomogram or its segmentation; log how they were chosen.

    The method `dog` (difference of Gaussians) needs a tomogram, whose vacuum beside a slab of ice
    is left out unless it is to be kept, and ranks its picks with a network's probability of
    macromolecule, where this is given; `segmentation` needs a volume of probabilities or labels.
    The output is a .star, .csv or .json file. A given voxel size replaces the header's; the name of
    the tomogram in the table is by default that of its file.

    Raises:
        DataError: the volume or the mask cannot be picked in, or the output cannot be named so.
        WriteError: the table cannot be written.
    """
    check_suffix(output)
    check_utf8(str(output), "give --output a name that RELION can list")
    path, opened = Path(path), None
    if method == "dog":
        opened = open_tomogram(path, voxel_size_angstrom, protein)
        shape, size, named = opened.grid.shape, opened.grid.voxel_size_angstrom, opened.name
    else:
        volume = open_volume(path)
        shape, size = volume.shape, voxel_size_of(volume, voxel_size_angstrom)[0]
        named = _segmented_name(volume)
    name, frame = frame_of_volume(named, shape, size, table)
    check_utf8(name, "rename the file, or name the tomogram with --name")
    check_name(name)
    picks = (
        _in_tomogram(opened, sizes, choice, probability, keep_vacuum=keep_vacuum)
        if opened
        else _in_volume(volume, size, sizes, choice)
    )
    logger.info("%s: %s", path, picks.why)
    measured = None
    if picks.diameters_angstrom is not None:
        kda = np.pi / 6 * picks.diameters_angstrom**3 / PROTEIN_ANGSTROM3_PER_DALTON / 1000
        measured = np.stack([picks.diameters_angstrom, kda], axis=1)
    picked = ParticleTable.of_picks(name, picks.centres, picks.scores, sizes=measured)
    write_particle_table(output, picked, frame, tomogram=name, relion=relion)
    return picked


def _in_tomogram(
    tomogram: Tomogram,
    sizes: Sizes,
    choice: Choice,
    probability: PathLike | None,
    *,
    keep_vacuum: bool,
) -> Picks:
    """Pick blobs in a tomogram. Raises DataError without a diameter."""
    if sizes.diameter is None:
        raise DataError("no --diameter: give the particles' diameter in angstrom")
    size, grid = tomogram.grid.voxel_size_angstrom, tomogram.grid
    return pick_blobs(
        *(tomogram.read_dark, grid.shape, size, sizes.diameter, choice),
        is_data=specimen_of(tomogram, keep_vacuum=keep_vacuum),
        probabilities=None
        if probability is None
        else _probabilities(open_volume(probability), grid.shape, sizes.diameter / size),
    )


def _probabilities(
    volume: StoredVolume, shape: tuple[int, ...], diameter_voxels: float
) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    """Return the function that gives the mean probability in balls around centres (n, 3)."""
    if volume.shape != shape:
        raise DataError(
            f"{volume.path}: {volume.shape} voxels (z, y, x), the tomogram has {shape}; give the "
            "probability that `ssn3d segment` wrote for this tomogram"
        )
    no_probabilities = DataError(
        f"{volume.path}: its values are no probabilities from 0 to 1; give the file that "
        "`ssn3d segment` names *_probability"
    )
    if are_class_labels(volume.labels):
        raise no_probabilities

    def means(centres: NDArray[np.float64]) -> NDArray[np.float64]:
        found = mean_in_balls(volume, centres, diameter_voxels)
        if found.max(initial=0.0) > 1:
            raise no_probabilities
        return found

    return means


def _in_volume(
    volume: StoredVolume, voxel_size_angstrom: float, sizes: Sizes, choice: Choice
) -> Picks:
    """Pick in a segmentation; of a map of all classes, macromolecules only."""
    values = None
    if are_class_labels(volume.labels):
        values = Values("classes", (float(MACROMOLECULE),))
    where = (volume.read_float32, volume.shape, voxel_size_angstrom)
    if sizes.diameter is not None:
        return pick_sized(*where, sizes.diameter, choice, values=values)
    return pick_regions(*where, (sizes.smallest, sizes.largest), choice, values=values)


def _segmented_name(volume: StoredVolume) -> str:
    """Name the tomogram of a segmentation, whose file name has affixes of `segment`."""
    name = name_of(volume.path)
    if name.endswith("_labels"):
        return name.removesuffix("_labels")
    of_class = class_of_probability(volume.labels)
    return name.removesuffix("_probability").removesuffix(f"_{of_class}" if of_class else "")


def pick_sample(
    sample: Sample, settings: PickingSettings, picks: PathLike, probability: PathLike | None = None
) -> None:
    """Write the picks of a tomogram; of its segmentation, for all methods but `dog`.

    Raises:
        DataError: the volume cannot be picked in.
        WriteError: the table cannot be written.
    """
    threshold = None if settings.threshold == "auto" else settings.threshold
    choice = Choice(threshold)
    named = TableOptions(name=sample.name)
    if settings.method == "segmentation":
        assert probability is not None
        sizes = Sizes(smallest=settings.smallest_diameter_angstrom)
        pick_particles(probability, picks, "segmentation", sizes, choice, table=named)
    else:
        pick_particles(
            *(sample.file, picks, "dog", Sizes(settings.diameter_angstrom), choice),
            voxel_size_angstrom=sample.voxel_size_angstrom,
            protein=sample.protein,
            table=named,
            probability=probability,
        )
