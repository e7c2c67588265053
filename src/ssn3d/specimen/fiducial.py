"""Fiducials: beads of gold.

In the weak-phase approximation their contrast is 7 times that of protein of the same volume. Gold
also absorbs, which the microscope's amplitude contrast, that of protein, does not show: of the
electrons that cross gold at 300 kV, 1/13 nm^-1 are scattered elastically, 87% of them beyond an
aperture of 10 mrad, and 1/71 nm^-1 lose energy (cross sections and angles of Langmore & Smith 1992,
Ultramicroscopy 46, 349, and of Lenz). The amplitude falls by 0.041/nm while the phase shifts by
0.165/nm: 0.25 of amplitude contrast instead of 0.07. Where amplitude contrast is all, at low
frequencies, a real bead is thus as dark as one of 3.5 times the weak-phase contrast.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf

from ssn3d.specimen.obstacle import Points, planes, window
from ssn3d.specimen.volume import Drawing, Grid
from ssn3d.structures.scattering import GOLD, protein_dalton_per_nm3


def blurred_ball(
    distances: NDArray[np.float64], radius: float, sigma: float
) -> NDArray[np.float64]:
    """Exact density of a ball of density 1, blurred by a Gaussian, at distances from its centre."""
    r = np.maximum(distances, 1e-6 * sigma)
    inside = (
        erf((radius - r) / (np.sqrt(2) * sigma)) + erf((radius + r) / (np.sqrt(2) * sigma))
    ) / 2
    near, far = (np.exp(-((r + s * radius) ** 2) / (2 * sigma**2)) for s in (-1, 1))
    return np.asarray(inside - sigma / (np.sqrt(2 * np.pi) * r) * (near - far))


@dataclass(frozen=True)
class Fiducial:
    """A placed gold bead; an `Obstacle`."""

    centre: Points
    """(3,) in voxels."""
    size_angstrom: float
    """Diameter."""
    grid: Grid
    contrast: float = 1.0
    """Relative to the weak-phase contrast of gold."""
    kind: str = "fiducial"

    @property
    def radius(self) -> float:
        """Radius in voxels."""
        return self.size_angstrom / self.grid.voxel_size_angstrom / 2

    def bounding_spheres(self) -> tuple[Points, float]:
        """One sphere."""
        return self.centre[None], self.radius

    exclusion_spheres = bounding_spheres

    def draw(self, shape: tuple[int, int, int], threshold_dalton_per_nm3: float) -> Drawing | None:  # noqa: ARG002
        """Draw the bead; its mask is the ball without the blur."""
        reach = self.radius + self.grid.margin_voxels
        box = window(self.centre - reach, self.centre + reach, shape)
        if box is None:
            return None
        distances = np.linalg.norm(np.stack(list(planes(*box, self.centre))), axis=-1)
        ball = blurred_ball(distances, self.radius, self.grid.sigma_voxels)
        density = (self.contrast * protein_dalton_per_nm3(GOLD) * ball).astype(np.float32)
        return Drawing(box[0], density, distances <= self.radius)
