"""Filaments: actin and microtubules, repeats of a subunit along a curve.

A subunit is an ellipsoid of protein of the right mass, filled with residues. F-actin rises 27.6 A
and turns -166.6 degrees from subunit to subunit (Dominguez & Holmes 2011, Annu. Rev. Biophys. 40,
169). A microtubule has 13 protofilaments of tubulin, 41 A from monomer to monomer, shifted so that
three monomers make one left-handed turn (Nogales et al. 1999, Cell 96, 79). Persistence lengths are
17.7 um and 5.2 mm (Gittes et al. 1993, J. Cell Biol. 120, 923).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.spatial.transform import Rotation

from ssn3d.specimen.curve import STEP_ANGSTROM, Curve
from ssn3d.specimen.obstacle import Points, window
from ssn3d.specimen.volume import Drawing, Grid, PointMasses, overlap, posed_map
from ssn3d.structures.surrogates import BEAD_DALTON, PROTEIN_ANGSTROM3_PER_DALTON


@dataclass(frozen=True)
class Assembly:
    """Helical assembly of a kind of filament from its subunits."""

    kind: str
    subunit_dalton: float
    proportions: tuple[float, float, float]
    """Extent of the subunit away from the axis, around it, and along it."""
    radius_angstrom: float
    """From the axis to the subunits' centres."""
    rise_angstrom: float
    """From a subunit to the next, along the axis."""
    turn_deg: float
    """From a subunit to the next, about the axis, by the right-hand rule."""
    starts_angstrom: tuple[float, ...]
    """Starts of the helices along the axis."""
    persistence_angstrom: float

    @property
    def semiaxes_angstrom(self) -> Points:
        """Semiaxes (3,) of the subunit: away from the axis, around it, and along it."""
        volume = PROTEIN_ANGSTROM3_PER_DALTON * self.subunit_dalton
        scale = (volume / (4 / 3 * np.pi * np.prod(self.proportions))) ** (1 / 3)
        return np.asarray(scale * np.array(self.proportions))

    @property
    def outer_radius_angstrom(self) -> float:
        """Outer radius of the filament."""
        return self.radius_angstrom + float(self.semiaxes_angstrom[0])

    def subunit(self) -> PointMasses:
        """Residues (n, 3) of a subunit in angstrom, z, y, x, of which z is along the axis."""
        spacing = (PROTEIN_ANGSTROM3_PER_DALTON * BEAD_DALTON) ** (1 / 3)
        half = int(self.semiaxes_angstrom.max() / spacing) + 1
        sites = spacing * (np.indices((2 * half,) * 3).reshape(3, -1).T - half + 0.5)
        inside = ((sites / self.semiaxes_angstrom[::-1]) ** 2).sum(axis=1) <= 1
        points = sites[inside].astype(np.float32)
        return points, np.full(len(points), self.subunit_dalton / len(points), np.float32)


ACTIN = Assembly("actin", 42_000, (55, 35, 55), 24.0, 27.6, -166.6, (0.0,), 17.7e4)
MICROTUBULE = Assembly(
    "microtubule", 50_000, (65, 46, 40), 112.0, 3 * 41 / 13, -360 / 13, (0.0, 41.0, 82.0), 5.2e7
)
"""Three helices of subunits, which form 13 protofilaments. There is no seam, since alpha and beta
tubulin look alike here."""


@dataclass(frozen=True)
class Filament:
    """A placed filament; an `Obstacle`."""

    centre: Points
    """(3,) middle of the axis, z, y, x in voxels."""
    curve: Curve
    assembly: Assembly
    grid: Grid

    @property
    def kind(self) -> str:
        """Class of the object."""
        return self.assembly.kind

    @property
    def size_angstrom(self) -> float:
        """Length."""
        return float(self.curve.length_angstrom)

    @cached_property
    def subunits(self) -> tuple[Points, Points]:
        """Centres (n, 3) in voxels and rotations (n, 3, 3) of the subunits, z, y, x."""
        made = self.assembly
        lengths = np.maximum(self.size_angstrom - np.array(made.starts_angstrom), -1)
        counts = np.floor(lengths / made.rise_angstrom).astype(int) + 1
        number = np.concatenate([np.arange(count) for count in counts])
        along = number * made.rise_angstrom + np.repeat(made.starts_angstrom, counts)
        middles, frames = self.curve.at(along)
        turns = np.deg2rad(made.turn_deg) * number
        about_axis = Rotation.from_rotvec(np.stack([0 * turns, 0 * turns, turns], axis=1))
        turned = frames @ about_axis.as_matrix()  # columns: away from the axis, around it, along it
        centres = middles + made.radius_angstrom * turned[:, :, 0]
        placed = centres[:, ::-1] / self.grid.voxel_size_angstrom + self.centre
        return placed, turned[:, ::-1, ::-1]

    def bounding_spheres(self) -> tuple[Points, float]:
        """Spheres along the axis."""
        radius = self.assembly.outer_radius_angstrom
        apart = int(radius / STEP_ANGSTROM / 2)
        axis = self.curve.points_angstrom
        chosen = np.concatenate([axis[:-1:apart], axis[-1:]])
        voxel = self.grid.voxel_size_angstrom
        return chosen[:, ::-1] / voxel + self.centre, 1.04 * radius / voxel

    exclusion_spheres = bounding_spheres  # the inside of a microtubule is excluded too

    def draw(self, shape: tuple[int, int, int], threshold_dalton_per_nm3: float) -> Drawing | None:
        """Draw all subunits; the mask is the voxels above the threshold."""
        centres, rotations = self.subunits
        subunit = self.assembly.subunit()
        extent = np.abs(subunit[0]).max() / self.grid.voxel_size_angstrom
        reach = float(extent) * np.sqrt(3) + self.grid.margin_voxels + 1
        near = ((centres > -reach) & (centres < np.array(shape) + reach)).all(axis=1)
        if not near.any():
            return None
        low, high = centres[near].min(axis=0) - reach, centres[near].max(axis=0) + reach
        box = window(low, high, shape)
        if box is None:
            return None
        density = np.zeros(box[1], dtype=np.float32)
        for centre, rotation in zip(centres[near], rotations[near], strict=True):
            corner, own = posed_map(subunit, centre - box[0], rotation, self.grid)
            parts = overlap(corner, own.shape, density.shape)
            if parts is not None:
                density[parts[0]] += own[parts[1]]
        return Drawing(box[0], density, density > threshold_dalton_per_nm3)
