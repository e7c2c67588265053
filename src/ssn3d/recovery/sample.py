"""A tomogram of the sheet, opened. Light to import: figures need no torch."""

from ssn3d.io.tomogram import Tomogram, open_tomogram
from ssn3d.recovery.samples_table import Sample


def open_sample(sample: Sample) -> Tomogram:
    """Open a tomogram under its name in the sheet. Raises DataError where it is none."""
    return open_tomogram(sample.file, sample.voxel_size_angstrom, name=sample.name)
