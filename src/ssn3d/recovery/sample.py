"""Opening of a tomogram of the table. Imports no torch, which figures do not need."""

from ssn3d.io.tomogram import Tomogram, open_tomogram
from ssn3d.recovery.samples_table import Sample


def open_sample(sample: Sample) -> Tomogram:
    """Open a tomogram under its name in the table. Raises DataError if it is no tomogram."""
    return open_tomogram(sample.file, sample.voxel_size_angstrom, sample.protein, sample.name)
