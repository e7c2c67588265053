"""The space that is free for spheres: outside of obstacles, and inside the ice."""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from ssn3d.core.errors import PlacementError
from ssn3d.specimen.ice import Slab

_SLACK = 1e-6  # voxels by which a sphere is pushed beyond contact

Points = NDArray[np.float64]


class FreeSpace:
    """Obstacles, each a set of spheres that may overlap, and the slab of ice, if any."""

    def __init__(self, slab: Slab | None) -> None:
        """Start without obstacles."""
        self.slab = slab
        self._blocked: list[tuple[Points, float]] = []
        self._centres: Points = np.empty((0, 3))  # of all obstacles, when the tree is built
        self._radii: Points = np.empty(0)
        self._tree: cKDTree | None = None  # of the centres, built when needed

    def block(self, centres: Points, radius: float) -> None:
        """Add an obstacle: spheres of one radius at centres (n, 3)."""
        self._blocked.append((centres, radius))
        self._tree = None

    def _tree_of_obstacles(self) -> cKDTree | None:
        if self._tree is None and any(len(centres) for centres, _ in self._blocked):
            self._centres = np.concatenate([centres for centres, _ in self._blocked])
            self._radii = np.concatenate([np.full(len(c), r) for c, r in self._blocked])
            self._tree = cKDTree(self._centres)
        return self._tree

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
        tree = self._tree_of_obstacles()
        if tree is None:
            return True
        for centre, near in zip(
            centres, tree.query_ball_point(centres, radius + self._radii.max()), strict=True
        ):
            if not near:
                continue
            distances = np.linalg.norm(self._centres[near] - centre, axis=1)
            if (distances < radius + self._radii[near]).any():
                return False
        return True

    def push(self, centres: Points, radii: Points) -> Points:
        """Shift (n, 3) of each sphere out of the obstacle it is deepest in, and into the ice.

        Free spheres have a shift of 0.
        """
        shift = np.zeros_like(centres)
        tree = self._tree_of_obstacles()
        if tree is not None:
            reach = float(radii.max() + self._radii.max())
            pairs = cKDTree(centres).sparse_distance_matrix(tree, reach, output_type="ndarray")
            depths = radii[pairs["i"]] + self._radii[pairs["j"]] - pairs["v"]
            order = np.argsort(depths)[np.count_nonzero(depths <= 0) :]
            spheres, obstacles = pairs["i"][order], pairs["j"][order]
            apart = centres[spheres] - self._centres[obstacles]
            apart *= ((depths[order] + _SLACK) / np.maximum(pairs["v"][order], _SLACK))[:, None]
            shift[spheres] = apart  # the deepest, which comes last, stays
        if self.slab is not None:
            height = self.slab.height(centres + shift)
            most = self.slab.thickness / 2 - radii
            inwards = np.clip(height, _SLACK - most, most - _SLACK) - height
            shift += np.where(np.abs(height) > most, inwards, 0)[:, None] * self.slab.normal
        return shift
