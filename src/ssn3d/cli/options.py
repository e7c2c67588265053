"""Options that several commands share, and the types of numeric options.

A number out of range ends the command before any file is read.
"""

import argparse
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ssn3d.io.particles.of_tomogram import TableOptions

AddArgument = Callable[..., Any]
"""`add_argument` of a parser or of a group of options."""


def _number(
    kind: type[float], low: float, high: float, wanted: str, *, with_ends: bool = True
) -> Callable[[str], Any]:
    """Make the type of an option: a number from low to high, or between them."""

    def read(text: str) -> float:
        try:
            number = kind(text)
        except ValueError:
            number = math.nan
        if not (low <= number <= high) or (not with_ends and number in {low, high}):
            raise argparse.ArgumentTypeError(f"{text!r} is not {wanted}")
        return number

    return read


finite = _number(float, -math.inf, math.inf, "a number", with_ends=False)
positive = _number(float, 0, math.inf, "a number above 0", with_ends=False)
angstrom = _number(float, 1e-9, 1e5, "a length above 0 and at most 100000 A")
shift_angstrom = _number(float, 0, 1e5, "a length from 0 to 100000 A")
probability = _number(float, 0, 1, "between 0 and 1", with_ends=False)
tilt_deg = _number(float, -90, 90, "an angle from -90 to 90 degrees")
voltage_kv = _number(float, 40, 3000, "a voltage from 40 to 3000 kV")
cs_mm = _number(float, 0, 10, "from 0 to 10 mm")
count = _number(int, 1, 10**18, "a whole number above 0")
seed = _number(int, 0, 10**18, "a whole number, 0 or above")
rounds = _number(int, 0, 100, "a whole number from 0 to 100")
box_voxels = _number(int, 8, 1024, "a whole number from 8 to 1024")


def add_voxel_size(add: AddArgument) -> None:
    """Add the voxel size of a tomogram."""
    size = "voxel size of the tomogram in angstrom (default: from its header)"
    add("--voxel-size", type=angstrom, metavar="A", help=size)


def add_voxel_size_and_contrast(add: AddArgument) -> None:
    """Add the voxel size of a tomogram, and its contrast."""
    add_voxel_size(add)
    contrast = "contrast of protein in the tomogram (default auto: found from the voxels)"
    add("--protein", choices=("auto", "dark", "bright"), default="auto", help=contrast)


def add_keep_vacuum(add: AddArgument) -> None:
    """Add the option to keep the vacuum beside a slab of ice."""
    kept = "do not leave out the vacuum beyond the faces of the ice, where they are seen"
    add("--keep-vacuum", action="store_true", help=kept)


def add_table_options(add: AddArgument, name: str, pixel_size: str | None = None) -> None:
    """Add the name, units and offset of a tomogram in tables of particles."""
    unit = "unit of coordinates in pixels, in angstrom (default: as the table states)"
    listed = "RELION's tomograms.star: size and pixel size of the unbinned tomogram"
    first = "first voxel (x y z) of a cropped tomogram in the whole one (with --tomograms)"
    add("--name", help=name)
    add("--tomograms", metavar="STAR", help=listed)
    add("--pixel-size", type=angstrom, metavar="A", help=pixel_size or unit)
    add("--offset", nargs=3, type=finite, metavar="N", help=first)


def table_options(arguments: argparse.Namespace) -> "TableOptions":
    """Collect the name, units and offset of the tomogram in tables of particles."""
    from ssn3d.io.particles.of_tomogram import TableOptions

    return TableOptions(
        name=arguments.name,
        tomograms=arguments.tomograms,
        pixel_size_angstrom=arguments.pixel_size,
        offset_voxels=tuple(arguments.offset or (0.0, 0.0, 0.0)),
    )
