"""Options of averaging, checked when they are made."""

import math
from dataclasses import dataclass, field
from typing import Literal

from ssn3d.averaging.symmetry import symmetry_rotations
from ssn3d.core.errors import DataError
from ssn3d.io.particles.of_tomogram import TableOptions
from ssn3d.io.tomogram import Protein

_STEEPEST_DEG = 90.0


@dataclass(frozen=True)
class AverageOptions:
    """How particles are aligned and averaged.

    Raises DataError for values that no particle can be averaged with.
    """

    diameter_angstrom: float
    """Diameter of the sphere that holds the particle."""
    symmetry: str = "C1"
    voxel_size_angstrom: float | None = None
    """Voxel size of the tomogram, instead of its header's."""
    protein: Protein = "auto"
    """Contrast of protein in the tomogram; auto finds out."""
    masked: Literal["sphere", "none"] = "sphere"
    """Mask of what is compared with references, for particles without masks of their own."""
    average_masked: bool = False
    """Average the particles as masked; otherwise masks only decide what is aligned."""
    tilt_range_deg: tuple[float, float] = (-60.0, 60.0)
    """Lowest and highest tilt; the sign is that of `band`."""
    first_resolution_angstrom: float = 50.0
    """Resolution to which the first reference, given or found, is used."""
    max_shift_angstrom: float = 30.0
    """Longest distance of a particle from the position given, over all rounds."""
    rounds: int = 2
    """Rounds in which each half set is aligned to its own average."""
    box_voxels: int | None = None
    """Edge of the boxes; by default 1.5 diameters."""
    table: TableOptions = field(default_factory=TableOptions)
    """Units and name of the tomogram in the table of particles."""
    seed: int = 0
    threads: int = 2

    def __post_init__(self) -> None:
        """Check the values."""
        symmetry_rotations(self.symmetry)
        positive = {
            "diameter": self.diameter_angstrom,
            "first resolution": self.first_resolution_angstrom,
            "number of threads": self.threads,
        }
        for name, value in positive.items():
            _check(math.isfinite(value) and value > 0, name, value, "a number above 0")
        at_least_0 = {
            "maximum shift": self.max_shift_angstrom,
            "number of rounds": self.rounds,
            "seed": self.seed,
        }
        for name, value in at_least_0.items():
            _check(math.isfinite(value) and value >= 0, name, value, "0 or more")
        low, high = self.tilt_range_deg
        in_order = -_STEEPEST_DEG <= low < high <= _STEEPEST_DEG
        expected = "the lowest and then the highest tilt, from -90 to 90 degrees"
        _check(in_order, "tilt range", f"{low:g} {high:g}", expected)


def _check(right: bool, name: str, value: float | str, expected: str) -> None:
    """Raise DataError for a value that is not as expected."""
    if not right:
        raise DataError(f"{name} {value}; give {expected}")
