"""Options of the commands that read or write tables of particles."""

import argparse

from ssn3d.io.particles.of_tomogram import TableOptions


def table_options(arguments: argparse.Namespace) -> TableOptions:
    """Give the name, units and offset of the tomogram in tables, as the options say."""
    return TableOptions(
        name=arguments.name,
        tomograms=arguments.tomograms,
        pixel_size_angstrom=arguments.pixel_size,
        offset_voxels=tuple(arguments.offset),
    )
