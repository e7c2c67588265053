"""Fiducials: beads of gold.

Only their phase contrast is drawn, 7 times that of protein of the same volume. Gold also absorbs,
and a bead of 10 nm shifts the phase by more than a radian, so that real beads are darker than in
the weak-phase approximation.
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
    kind: str = "fiducial"

    @property
    def radius(self) -> float:
        """Radius in voxels."""
        return self.size_angstrom / self.grid.voxel_size_angstrom / 2

    def bounding_spheres(self) -> tuple[Points, float]:
        """One sphere."""
        return self.centre[None], self.radius

    def exclusion_spheres(self) -> tuple[Points, float]:
        """One sphere."""
        return self.bounding_spheres()

    def draw(self, shape: tuple[int, int, int], threshold_dalton_per_nm3: float) -> Drawing | None:  # noqa: ARG002
        """Draw the bead; its mask is the ball without the blur."""
        reach = self.radius + self.grid.margin_voxels
        box = window(self.centre - reach, self.centre + reach, shape)
        if box is None:
            return None
        distances = np.linalg.norm(np.stack(list(planes(*box, self.centre))), axis=-1)
        ball = blurred_ball(distances, self.radius, self.grid.sigma_voxels)
        density = (protein_dalton_per_nm3(GOLD) * ball).astype(np.float32)
        return Drawing(box[0], density, distances <= self.radius)
