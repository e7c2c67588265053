"""Options of averaging."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from ssn3d.averaging.symmetry import symmetry_rotations
from ssn3d.core.errors import DataError
from ssn3d.core.settings import Protein
from ssn3d.io.particles.of_tomogram import TableOptions

_STEEPEST_DEG = 90.0


@dataclass(frozen=True)
class AverageOptions:
    """Options of alignment and averaging. Raises DataError for impossible values."""

    diameter_angstrom: float
    """Diameter of a sphere around a particle."""
    symmetry: str = "C1"
    voxel_size_angstrom: float | None = None
    """Voxel size of the tomogram, in place of its header's."""
    protein: Protein = "auto"
    """Contrast of protein in the tomogram; auto measures it."""
    masked: Literal["sphere", "none"] = "sphere"
    """Mask within which particles without segmentation masks are aligned."""
    average_masked: bool = False
    """True to average the masked particles; otherwise masks are for alignment only."""
    tilt_range_deg: tuple[float, float] = (-60.0, 60.0)
    """Lowest and highest tilt; the sign is that of `band`."""
    first_resolution_angstrom: float = 50.0
    """Resolution to which the first reference is used."""
    max_shift_angstrom: float = 30.0
    """Longest distance of a particle from its input position, over all rounds."""
    rounds: int = 2
    """Rounds in which each half set is aligned to its own average."""
    box_voxels: int | None = None
    """Edge of the boxes; None for 1.5 diameters."""
    table: TableOptions = field(default_factory=TableOptions)
    """Units and tomogram name in the table of particles."""
    seed: int = 0
    threads: int = 2

    def __post_init__(self) -> None:
        symmetry_rotations(self.symmetry)
        for name in ("diameter_angstrom", "first_resolution_angstrom", "threads"):
            if not 0 < getattr(self, name) < np.inf:
                raise DataError(f"{name} {getattr(self, name)}; give a number above 0")
        for name in ("max_shift_angstrom", "rounds", "seed"):
            if not 0 <= getattr(self, name) < np.inf:
                raise DataError(f"{name} {getattr(self, name)}; give 0 or more")
        low, high = self.tilt_range_deg
        if not -_STEEPEST_DEG <= low < high <= _STEEPEST_DEG:
            raise DataError(
                f"tilt range {low:g} {high:g}; give the lowest and then the highest tilt, from -90 "
                "to 90 degrees"
            )
