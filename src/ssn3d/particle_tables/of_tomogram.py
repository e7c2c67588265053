"""The particles of one tomogram of one's own, from a table that may have those of others."""

import numpy as np

from ssn3d.errors import DataError
from ssn3d.files import PathLike
from ssn3d.log import logger
from ssn3d.own_tomogram import OwnTomogram
from ssn3d.particle_tables.files import read_particle_table
from ssn3d.particle_tables.frame import TomogramFrame
from ssn3d.particle_tables.table import ParticleTable


def frame_of_tomogram(tomogram: OwnTomogram) -> TomogramFrame:
    """What ties a tomogram's voxels to the coordinates in tables."""
    return TomogramFrame.of_volume(tomogram.grid.shape, tomogram.grid.voxel_size_angstrom)


def read_particles_of(path: PathLike, tomogram: OwnTomogram) -> ParticleTable:
    """Read a tomogram's particles; where the table has several tomograms, those of its name.

    Raises DataError where the file is damaged, or has no particles of it.
    """
    table = read_particle_table(path, frame_of_tomogram(tomogram))
    names = np.unique(table.tomograms)
    if len(names) > 1:
        table = table[table.tomograms == tomogram.name]
    if not len(table):
        known = ", ".join(names) or "none"
        raise DataError(f"{path}: no particles of tomogram {tomogram.name}, of {known}; pick some")
    logger.info("%s: %d particles", path, len(table))
    return table
