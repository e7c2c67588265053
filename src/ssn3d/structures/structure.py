"""A macromolecular complex as points of mass, and its .npz file."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ssn3d.core.errors import StructureError
from ssn3d.io.files import DELETE, PathLike, atomic_path, cannot_be_read

MAX_COORDINATE_ANGSTROM = 1.0e4
"""No complex is this large, and no coordinate file is this far from its origin."""
_CENTRE_TOLERANCE_ANGSTROM = 0.01  # float32 coordinates of thousands of points


@dataclass(frozen=True)
class Structure:
    """A macromolecular complex as points of mass.

    Raises StructureError if points or masses are invalid.
    """

    pdb_id: str
    """Class of the structure."""
    points_angstrom: NDArray[np.float32]
    """(n, 3), (z, y, x), relative to the centre of mass."""
    masses_dalton: NDArray[np.float32]
    """(n,), positive."""
    unit: str
    """`deposited`, `biological`, `surrogate`, `map` or `random`."""

    def __post_init__(self) -> None:
        points, masses = self.points_angstrom, self.masses_dalton
        if masses.ndim != 1 or points.shape != (len(masses), 3):
            raise StructureError(
                f"{self.pdb_id}: points of shape {points.shape}, masses of shape {masses.shape}"
            )
        if points.dtype != np.float32 or masses.dtype != np.float32:
            raise StructureError(f"{self.pdb_id}: points or masses are not float32")
        if not np.abs(points).max(initial=0.0) <= MAX_COORDINATE_ANGSTROM:  # true for NaN too
            raise StructureError(f"{self.pdb_id}: absurd, NaN or infinite coordinates")
        if len(points) == 0 or np.ptp(points, axis=0).max() < 1.0:
            raise StructureError(f"{self.pdb_id}: all {len(points)} points are in one place")
        if not (np.isfinite(masses).all() and (masses > 0).all()):
            raise StructureError(f"{self.pdb_id}: masses must be positive numbers")
        centre = np.average(points, axis=0, weights=masses)
        if np.abs(centre).max() > _CENTRE_TOLERANCE_ANGSTROM:
            raise StructureError(f"{self.pdb_id}: the centre of mass is {centre}, not 0")

    @property
    def mass_dalton(self) -> float:
        """Total mass."""
        return float(self.masses_dalton.sum(dtype=np.float64))


def structure_from_points(
    pdb_id: str, points_zyx: NDArray[np.float64], masses: NDArray[np.float64], unit: str
) -> Structure:
    """Centre points (n, 3), in angstrom, with masses (n,), in dalton, on their centre of mass.

    Raises StructureError as `Structure` does.
    """
    centred = points_zyx - np.average(points_zyx, axis=0, weights=masses)
    return Structure(pdb_id, centred.astype(np.float32), masses.astype(np.float32), unit)


def write_structure(path: PathLike, structure: Structure) -> None:
    """Write a structure as an .npz file; equal structures give equal bytes."""
    with atomic_path(path) as partial:
        np.savez_compressed(
            partial,
            points_angstrom=structure.points_angstrom,
            masses_dalton=structure.masses_dalton,
            pdb_id=np.array(structure.pdb_id),
            unit=np.array(structure.unit),
        )


def read_structure(path: PathLike) -> Structure:
    """Read an .npz file of `write_structure`.

    Raises StructureError if the file is missing or damaged.
    """
    try:
        with Path(path).open("rb") as handle, np.load(handle, allow_pickle=False) as arrays:
            return Structure(
                pdb_id=str(arrays["pdb_id"]),
                points_angstrom=arrays["points_angstrom"],
                masses_dalton=arrays["masses_dalton"],
                unit=str(arrays["unit"]),
            )
    except Exception as error:  # zip, zlib, npy and our checks fail in many ways
        raise StructureError(cannot_be_read(path, "readable structure", error, DELETE)) from error
