"""The space that is free for spheres: outside of obstacles, and inside the ice."""

import math
from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from ssn3d.core.errors import PlacementError
from ssn3d.specimen.ice import Slab

_SLACK = 1e-6  # voxels by which a sphere is pushed beyond contact

Points = NDArray[np.float64]


@dataclass(frozen=True)
class _Spheres:
    """Spheres of similar radii, so that a search within the largest finds few in vain."""

    centres: Points
    radii: Points
    largest: float
    tree: cKDTree

    @classmethod
    def of(cls, blocked: list[tuple[Points, float]]) -> "_Spheres":
        """Join spheres of one radius each."""
        centres = np.concatenate([centres for centres, _ in blocked])
        radii = np.concatenate([np.full(len(centres), radius) for centres, radius in blocked])
        return cls(centres, radii, float(radii.max()), cKDTree(centres))

    def touch(self, centres: Points, radius: float) -> bool:
        """Return True if one overlaps any of the spheres of one radius at centres (n, 3)."""
        found = self.tree.query_ball_point(centres, radius + self.largest)
        for centre, near in zip(centres, found, strict=True):
            if near:
                distances = np.linalg.norm(self.centres[near] - centre, axis=1)
                if (distances < radius + self.radii[near]).any():
                    return True
        return False


class FreeSpace:
    """Obstacles, each a set of spheres that may overlap, and the slab of ice, if any."""

    def __init__(self, slab: Slab | None) -> None:
        self.slab = slab
        self._blocked: dict[int, list[tuple[Points, float]]] = defaultdict(list)
        self._spheres: list[_Spheres] = []  # of all obstacles, made when needed

    def block(self, centres: Points, radius: float) -> None:
        """Add an obstacle: spheres of one radius at centres (n, 3)."""
        if len(centres):
            self._blocked[math.frexp(radius)[1]].append((centres, radius))
            self._spheres = []

    def _obstacles(self) -> list[_Spheres]:
        if not self._spheres:
            self._spheres = [_Spheres.of(blocked) for blocked in self._blocked.values()]
        return self._spheres

    def volume(self, box: Points) -> float:
        """Volume of the part of a box (3,) that is in the ice, obstacles included."""
        whole = float(np.prod(box))
        if self.slab is None:
            return whole
        return min(
            whole, self.slab.thickness / float(self.slab.normal[0]) * float(np.prod(box[1:]))
        )

    def check_thickness(self, radius: float) -> None:
        """Raise PlacementError if the ice is too thin for a sphere."""
        if self.slab is not None and self.slab.thickness <= 2 * radius:
            raise PlacementError(
                f"specimen.ice.thickness_angstrom: the ice is {self.slab.thickness:.3g} voxels "
                f"thick, too thin for an object of {2 * radius:.3g} voxels; ask for thicker ice"
            )

    def is_free(self, centres: Points, radius: float, *, in_ice: bool = True) -> bool:
        """True if spheres of one radius fit at centres (n, 3), and lie in the ice if they must."""
        if in_ice and self.slab is not None and (self.slab.depth(centres) < radius).any():
            return False
        return not any(spheres.touch(centres, radius) for spheres in self._obstacles())

    def push(self, centres: Points, radii: Points) -> Points:
        """Shift (n, 3) of each sphere out of the obstacle it is deepest in, and into the ice.

        Free spheres have a shift of 0.
        """
        shift = np.zeros_like(centres)
        own = cKDTree(centres)
        deepest = np.zeros(len(centres))
        for spheres in self._obstacles():
            reach = float(radii.max()) + spheres.largest
            pairs = own.sparse_distance_matrix(spheres.tree, reach, output_type="ndarray")
            depths = radii[pairs["i"]] + spheres.radii[pairs["j"]] - pairs["v"]
            order = np.argsort(depths)
            order = order[depths[order] > deepest[pairs["i"][order]]]
            here, there = pairs["i"][order], pairs["j"][order]
            apart = centres[here] - spheres.centres[there]
            apart *= ((depths[order] + _SLACK) / np.maximum(pairs["v"][order], _SLACK))[:, None]
            shift[here], deepest[here] = apart, depths[order]  # the deepest, the last, stays
        if self.slab is not None:
            height = self.slab.height(centres + shift)
            most = self.slab.thickness / 2 - radii
            inwards = np.clip(height, _SLACK - most, most - _SLACK) - height
            shift += np.where(np.abs(height) > most, inwards, 0)[:, None] * self.slab.normal
        return shift
