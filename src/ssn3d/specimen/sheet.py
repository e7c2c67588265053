"""Sheets: open membranes that cross the tomogram, single or double.

A sheet is a plane of any orientation with a few long waves, f(u, v). The distance from it is that
from the plane tangent at the foot point, exact to first order in the curvature.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssn3d.specimen.bilayer import STERIC_ANGSTROM, bilayer_profile
from ssn3d.specimen.obstacle import Points, draw_planes, window_of_plane
from ssn3d.specimen.volume import Drawing, Grid

_WAVES = 4
_WAVELENGTHS_ANGSTROM = (2000.0, 7000.0)
_BEYOND = 20.0  # voxels around the tomogram in which a sheet excludes particles


@dataclass(frozen=True)
class Waves:
    """The height f(u, v) of a sheet above its plane, a sum of cosines; lengths in voxels."""

    vectors: Points
    """(k, 2) angular wave vectors."""
    phases: Points
    """(k,)"""
    amplitudes: Points
    """(k,)"""

    @property
    def highest(self) -> float:
        """Upper bound of the height."""
        return float(np.abs(self.amplitudes).sum())

    @property
    def stretch(self) -> float:
        """Upper bound of distances along the sheet over those along its plane."""
        steepest = (np.abs(self.amplitudes) * np.linalg.norm(self.vectors, axis=1)).sum()
        return float(np.sqrt(1 + steepest**2))

    def height(self, places: Points) -> Points:
        """Height (n,) at places (n, 2)."""
        return np.asarray(np.cos(self._angles(places)) @ self.amplitudes.astype(places.dtype))

    def slope(self, places: Points) -> Points:
        """Gradient (n, 2) of the height at places (n, 2)."""
        rates = (self.amplitudes[:, None] * self.vectors).astype(places.dtype)
        return np.asarray(-np.sin(self._angles(places)) @ rates)

    def _angles(self, places: Points) -> Points:
        """Angles (n, k) of the waves, in the places' precision."""
        vectors, phases = self.vectors.astype(places.dtype), self.phases.astype(places.dtype)
        return np.asarray(places @ vectors.T + phases)


def draw_waves(undulation: float, voxel_size_angstrom: float, rng: np.random.Generator) -> Waves:
    """Draw waves whose standard deviation from the plane is `undulation`, in voxels."""
    lengths = rng.uniform(*_WAVELENGTHS_ANGSTROM, size=_WAVES) / voxel_size_angstrom
    turns = rng.uniform(0, 2 * np.pi, size=_WAVES)
    vectors = np.stack([np.cos(turns), np.sin(turns)], axis=1) * (2 * np.pi / lengths)[:, None]
    amplitudes = rng.normal(size=_WAVES)
    amplitudes *= undulation * np.sqrt(2) / np.linalg.norm(amplitudes)
    return Waves(vectors, rng.uniform(0, 2 * np.pi, size=_WAVES), amplitudes)


@dataclass(frozen=True)
class Sheet:
    """A placed sheet; an `Obstacle`."""

    centre: Points
    """(3,) point of its plane, in voxels."""
    frame: Points
    """(3, 3) rows: the normal of its plane, and two directions along it."""
    waves: Waves
    thickness_angstrom: float
    """Between the layers of head groups of a bilayer."""
    spacing_angstrom: float
    """Between the middles of two bilayers; 0: one bilayer."""
    tomogram: Points
    """(3,) size of the tomogram in voxels."""
    grid: Grid

    @property
    def kind(self) -> str:
        """Class of the object."""
        return "double membrane" if self.spacing_angstrom else "sheet"

    @property
    def size_angstrom(self) -> float:
        """Thickness from end to end of the head groups."""
        return self.spacing_angstrom + self.thickness_angstrom + 2 * STERIC_ANGSTROM

    @property
    def _half(self) -> float:
        """Half of the thickness in voxels."""
        return self.size_angstrom / self.grid.voxel_size_angstrom / 2

    def surface(self, places: Points) -> tuple[Points, Points]:
        """Points (n, 3) in the middle of the first bilayer, and normals, at places (n, 2)."""
        height, slope = self.waves.height(places), self.waves.slope(places)
        points = self.centre + places @ self.frame[1:] + height[:, None] * self.frame[0]
        normals = self.frame[0] - slope @ self.frame[1:]
        return points, normals / np.linalg.norm(normals, axis=1, keepdims=True)

    def random_points(self, density: float, rng: np.random.Generator) -> tuple[Points, Points]:
        """Draw points (n, 3) in the middle of the bilayers, and normals; density per voxel^2."""
        reach = float(np.linalg.norm(self.tomogram))
        count = rng.poisson(density * (2 * reach) ** 2 * (2 if self.spacing_angstrom else 1))
        points, normals = self.surface(rng.uniform(-reach, reach, size=(count, 2)))
        second = rng.integers(0, 2, size=(count, 1)) * self.spacing_angstrom
        points -= second / self.grid.voxel_size_angstrom * normals
        inside = ((points >= 0) & (points <= self.tomogram)).all(axis=1)
        return points[inside], normals[inside]

    def exclusion_spheres(self) -> tuple[Points, float]:
        """Spheres along the sheet, dense enough to cover it, in and around the tomogram."""
        radius = max(1.15 * self._half, 3.0)
        spacing = np.sqrt(2 * (radius**2 - self._half**2)) / self.waves.stretch
        reach = float(np.linalg.norm(self.tomogram))
        ticks = np.arange(-reach, reach, spacing)
        places = np.stack(np.meshgrid(ticks, ticks, indexing="ij"), axis=-1).reshape(-1, 2)
        points, normals = self.surface(places)
        points -= self.spacing_angstrom / 2 / self.grid.voxel_size_angstrom * normals
        beyond = _BEYOND + radius
        near = ((points > -beyond) & (points < self.tomogram + beyond)).all(axis=1)
        return points[near], radius

    bounding_spheres = exclusion_spheres

    def _distance(
        self, offsets: NDArray[np.float32], reach: float
    ) -> tuple[NDArray[np.bool_], Points]:
        """Find the offsets (n, 3) within a reach of the sheet: which (n,), and their distances."""
        frame = self.frame.astype(offsets.dtype)
        height, places = np.asarray(offsets @ frame[0]), np.asarray(offsets @ frame[1:].T)
        above = height - self.waves.height(places)
        near = np.abs(above) < self.waves.stretch * reach
        above, height, places = above[near], height[near], places[near]
        slope = self.waves.slope(places)
        feet = places + (above / (1 + np.vecdot(slope, slope)))[:, None] * slope
        slope = self.waves.slope(feet)
        above = height - self.waves.height(feet) - np.vecdot(slope, places - feet)
        return near, above / np.sqrt(1 + np.vecdot(slope, slope))

    def draw(self, shape: tuple[int, int, int], threshold_dalton_per_nm3: float) -> Drawing | None:
        """Draw the membranes; the mask is the voxels above the threshold."""
        voxel_size = self.grid.voxel_size_angstrom
        sigma = self.grid.sigma_voxels * voxel_size
        spacing = self.spacing_angstrom / voxel_size
        reach = self._half + spacing / 2 + self.grid.margin_voxels
        away = self.waves.highest + self.waves.stretch * reach
        box = window_of_plane(self.centre, self.frame[0], away, shape)
        if box is None:
            return None

        def draw_plane(plane: NDArray[np.float32], offsets: NDArray[np.float32]) -> None:
            close = np.abs(offsets @ self.frame[0].astype(np.float32)) < away
            near, above = self._distance(offsets[close], reach)
            close[close] = near
            plane[close] = bilayer_profile(
                above * voxel_size, self.thickness_angstrom, sigma, self.spacing_angstrom
            )

        (density,) = draw_planes(draw_plane, box, self.centre, np.float32)
        return Drawing(box[0], density, density > threshold_dalton_per_nm3)
