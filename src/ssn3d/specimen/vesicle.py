"""Vesicles and organelles: closed, smooth membranes, single or double.

The distance from a vesicle's centre to its membrane is a mean and a random sum of spherical
harmonics of degree 2 to 4, with the spectrum of a thermally bent membrane (Milner & Safran 1987,
Phys. Rev. A 36, 4371). A Legendre polynomial of the cosine to any axis is such a harmonic; those of
three random axes are added for each degree.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from ssn3d.specimen.bilayer import STERIC_ANGSTROM, bilayer_profile
from ssn3d.specimen.obstacle import Points, draw_planes, window
from ssn3d.specimen.volume import Drawing, Grid

_DEGREES = (2, 3, 4)
_AXES = 3  # of each degree
_SAMPLES = 4000  # directions in which a shape is measured


def directions(count: int) -> Points:
    """Unit vectors (count, 3), evenly spaced on the sphere (a Fibonacci lattice)."""
    turn = np.pi * (3 - np.sqrt(5)) * np.arange(count)
    z = 1 - 2 * (np.arange(count) + 0.5) / count
    across = np.sqrt(1 - z**2)
    return np.stack([z, across * np.sin(turn), across * np.cos(turn)], axis=1)


def _legendre(cosines: Points) -> tuple[Points, Points]:
    """Legendre polynomials of degree 2, 3 and 4 of cosines (n, 3, k), and their derivatives."""
    values, derivatives = np.empty_like(cosines), np.empty_like(cosines)
    second, third, fourth = cosines[:, 0], cosines[:, 1], cosines[:, 2]
    values[:, 0], derivatives[:, 0] = (3 * second**2 - 1) / 2, 3 * second
    squared = third**2
    values[:, 1], derivatives[:, 1] = (5 * squared - 3) * third / 2, (15 * squared - 3) / 2
    squared = fourth**2
    values[:, 2] = ((35 * squared - 30) * squared + 3) / 8
    derivatives[:, 2] = (35 * squared - 15) * fourth / 2
    return values, derivatives


def _unit(vectors: Points) -> Points:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True))


@dataclass(frozen=True, eq=False)
class Shape:
    """A closed surface around the origin, the same in any unit of length."""

    radius: float
    """Mean distance from the origin."""
    axes: Points
    """(3, k, 3) unit vectors, for the harmonics of each degree."""
    amplitudes: Points
    """(3, k) of the harmonics, relative to the radius."""

    @cached_property
    def extent(self) -> tuple[float, float]:
        """Least and largest distance from the origin, with a margin of 1%."""
        distances = np.linalg.norm(self.surface(directions(_SAMPLES))[0], axis=1)
        return 0.99 * float(distances.min()), 1.01 * float(distances.max())

    def surface(self, towards: Points) -> tuple[Points, Points]:
        """Points (n, 3) and outward normals (n, 3) in directions (n, 3)."""
        axes, amplitudes = self.axes.astype(towards.dtype), self.amplitudes.astype(towards.dtype)
        cosines = (towards @ axes.reshape(-1, 3).T).reshape(-1, *amplitudes.shape)
        values, derivatives = _legendre(cosines)
        relative = 1 + np.einsum("nlk,lk->n", values, amplitudes)
        slopes = np.einsum("nlk,lk,lkx->nx", derivatives, amplitudes, axes, optimize=True)
        slopes -= np.vecdot(slopes, towards)[:, None] * towards  # along the sphere
        normals = _unit(relative[:, None] * towards - slopes)
        return np.asarray(towards.dtype.type(self.radius) * relative[:, None] * towards), normals

    def distance(self, points: Points, reach: float) -> Points:
        """Distance (n,) of points (n, 3) from the surface, negative inside; rough above `reach`."""
        on_surface, normals = self.surface(_unit(points))
        distance = np.vecdot(points - on_surface, normals)
        near = np.abs(distance) < reach
        points = points[near]
        foot, normals = self.surface(_unit(points - distance[near, None] * normals[near]))
        distance[near] = np.vecdot(points - foot, normals)
        return np.asarray(distance)


def draw_shape(radius: float, deformation_fraction: float, rng: np.random.Generator) -> Shape:
    """Draw a shape; the distance from the origin deviates by this fraction of the radius (rms)."""
    axes = _unit(rng.normal(size=(len(_DEGREES), _AXES, 3)))
    of = np.array(_DEGREES, dtype=float)[:, None]
    bending = np.sqrt((of - 1) * of * (of + 1) * (of + 2))
    shape = Shape(1.0, axes, rng.normal(size=axes.shape[:2]) / bending)
    spread = np.linalg.norm(shape.surface(directions(_SAMPLES))[0], axis=1).std()
    return Shape(radius, axes, shape.amplitudes * deformation_fraction / spread)


@lru_cache(maxsize=1)  # the same at each of many trial places
def _covering(shape: Shape, depth: float, half: float) -> Points:
    """Points (n, 3) at a depth below a surface, less than `half` apart."""
    count = int(4 * np.pi * (1.5 * shape.radius / (half / 2)) ** 2)
    surface, normals = shape.surface(directions(count))
    return np.asarray(surface - depth * normals)


@dataclass(frozen=True)
class Vesicle:
    """A placed vesicle; an `Obstacle`."""

    centre: Points
    """(3,) in voxels."""
    shape: Shape
    """In voxels."""
    thickness_angstrom: float
    """Between the layers of head groups of a bilayer."""
    grid: Grid
    spacing_angstrom: float = 0.0
    """Of an organelle: between the middles of its bilayers, the shape being the outer one's."""

    @property
    def kind(self) -> str:
        """Class of the object."""
        return "double membrane" if self.spacing_angstrom else "vesicle"

    @property
    def size_angstrom(self) -> float:
        """Mean diameter."""
        return 2 * self.shape.radius * self.grid.voxel_size_angstrom

    @property
    def half_thickness(self) -> float:
        """From the middle of the bilayer to the end of its head groups, in voxels."""
        return (self.thickness_angstrom / 2 + STERIC_ANGSTROM) / self.grid.voxel_size_angstrom

    def bounding_spheres(self) -> tuple[Points, float]:
        """One sphere."""
        return self.centre[None], self.shape.extent[1] + self.half_thickness

    def exclusion_spheres(self) -> tuple[Points, float]:
        """Spheres along the membrane, dense enough to cover it."""
        to_middle = self.spacing_angstrom / self.grid.voxel_size_angstrom / 2
        half = self.half_thickness + to_middle
        return _covering(self.shape, to_middle, half) + self.centre, 1.15 * half

    def random_points(self, density: float, rng: np.random.Generator) -> tuple[Points, Points]:
        """Draw points (n, 3) in the middle of the bilayers, and normals; density per voxel^2."""
        spacing = self.spacing_angstrom / self.grid.voxel_size_angstrom
        outer = self.shape.radius**2
        inner = (self.shape.radius - spacing) ** 2 if spacing else 0.0
        area = 4 * np.pi * (outer + inner)
        towards = _unit(rng.normal(size=(rng.poisson(density * area), 3)))
        surface, normals = self.shape.surface(towards)
        is_inner = rng.random((len(surface), 1)) < inner / (outer + inner)
        return surface - is_inner * spacing * normals + self.centre, normals

    def draw(self, shape: tuple[int, int, int], threshold_dalton_per_nm3: float) -> Drawing | None:
        """Draw the membrane; its mask is the voxels above the threshold."""
        margin = self.half_thickness + self.grid.margin_voxels
        spacing = self.spacing_angstrom / self.grid.voxel_size_angstrom
        inner, outer = self.shape.extent[0] - margin - spacing, self.shape.extent[1] + margin
        box = window(self.centre - outer, self.centre + outer, shape)
        if box is None:
            return None
        voxel_size = self.grid.voxel_size_angstrom
        sigma = self.grid.sigma_voxels * voxel_size

        def draw_plane(plane: NDArray[np.float32], offsets: NDArray[np.float32]) -> None:
            away = np.linalg.norm(offsets, axis=-1)
            near = (away > max(inner, 1e-3)) & (away < outer)
            depth = self.shape.distance(offsets[near], margin + spacing) * voxel_size
            plane[near] = bilayer_profile(
                depth, self.thickness_angstrom, sigma, self.spacing_angstrom
            )

        (density,) = draw_planes(draw_plane, box, self.centre, np.float32)
        return Drawing(box[0], density, density > threshold_dalton_per_nm3)
