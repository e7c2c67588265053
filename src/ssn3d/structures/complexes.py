"""The table of complexes (complexes.tsv): what surrogates and the report need to know of each."""

from dataclasses import dataclass

import numpy as np

from ssn3d.core.errors import ConfigError
from ssn3d.core.point_groups import point_group
from ssn3d.io.delimited import read_tsv
from ssn3d.io.files import PathLike
from ssn3d.structures.ids import PDB_ID


@dataclass(frozen=True)
class Complex:
    """Facts about a macromolecular complex."""

    mass_dalton: float
    radius_angstrom: float
    """Radius of the smallest sphere around the centres of the voxels above 0.2 of the maximum of
    its map, at 40 angstrom resolution and 10 angstrom voxels: as published for the paper's."""
    point_group: str
    """Schoenflies symbol of rotations: C1, D7, ..."""
    name: str = ""
    paper_mask_voxels: float = np.nan
    """Mask size implied by the paper's Table 3, in voxels of 10 angstrom; NaN if unknown."""


def read_complexes(path: PathLike) -> dict[str, Complex]:
    """Read complexes by PDB ID from a table (.tsv).

    Columns are pdb_id, mass_kda, radius_nm and point_group, and for the report name and
    paper_mask_voxels.

    Raises ConfigError if a row is invalid, and DataError if the file is missing.
    """
    complexes: dict[str, Complex] = {}
    for place, row in read_tsv(path):
        try:
            pdb_id, group, name = row["pdb_id"], row["point_group"], row.get("name", "")
            sizes = float(row["mass_kda"]) * 1e3, float(row["radius_nm"]) * 10
            mask = float(row.get("paper_mask_voxels") or np.nan)
            point_group(group)
        except (KeyError, ValueError) as error:
            raise ConfigError(f"{place}: not a complex ({error!r})") from error
        if not all(0 < size < np.inf for size in sizes):
            raise ConfigError(f"{place}: mass and radius must be positive numbers")
        if not PDB_ID.fullmatch(pdb_id) or pdb_id in complexes:
            raise ConfigError(f"{place}: invalid or repeated PDB ID {pdb_id!r}")
        complexes[pdb_id] = Complex(*sizes, group, name, mask)
    return complexes
