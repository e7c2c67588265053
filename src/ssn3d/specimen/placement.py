"""Packing: a given number of spheres without overlap, their centres anywhere in a box.

Random sequential insertion, largest first, is uniform and fast while the box is dilute, and jams
near 38 % of the volume. The spheres it cannot insert are put at random places, and overlapping
pairs are then pushed apart until none is left.
"""

import itertools
from collections import defaultdict

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from ssn3d.core.errors import PlacementError
from ssn3d.core.log import logger
from ssn3d.specimen.free_space import FreeSpace

_ATTEMPTS = 500  # of insertion, for one sphere
_SWEEPS = 2000  # of relaxation
_SWEEPS_TRAPPED = 50  # after so many, spheres trapped outside of the free space move elsewhere
_TRAPPED = 0.1  # of a radius: a sphere is trapped if it lies outside by more
_SLACK = 1e-6  # voxels left between spheres that were pushed apart
_NEIGHBOURS = tuple(itertools.product((-1, 0, 1), repeat=3))


class Cells:
    """Spheres by cubic cell; the cells are so large that only neighbours can overlap."""

    def __init__(self, edge: float) -> None:
        """Start without spheres; no radius may exceed half of the edge of a cell."""
        self.edge = edge
        self.spheres: dict[tuple[int, int, int], list[tuple[float, float, float, float]]] = (
            defaultdict(list)
        )

    def _cell(self, z: float, y: float, x: float) -> tuple[int, int, int]:
        return int(z // self.edge), int(y // self.edge), int(x // self.edge)

    def is_free(self, z: float, y: float, x: float, radius: float) -> bool:
        """True if a sphere fits at a centre."""
        i, j, k = self._cell(z, y, x)
        for a, b, c in _NEIGHBOURS:
            for oz, oy, ox, other in self.spheres.get((i + a, j + b, k + c), ()):
                reach = radius + other
                if (z - oz) ** 2 + (y - oy) ** 2 + (x - ox) ** 2 < reach * reach:
                    return False
        return True

    def add(self, z: float, y: float, x: float, radius: float) -> None:
        """Add a sphere."""
        self.spheres[self._cell(z, y, x)].append((z, y, x, radius))


def occupied_fraction(radii: NDArray[np.float64], box: NDArray[np.float64]) -> float:
    """Volume of the spheres over the volume of the box."""
    return float(4 / 3 * np.pi * np.sum(radii**3) / np.prod(box))


def _insert(
    radii: NDArray[np.float64],
    box: NDArray[np.float64],
    rng: np.random.Generator,
    free_space: FreeSpace,
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Random sequential insertion in the given order: centres (n, 3), and which were inserted."""
    cells = Cells(2 * float(radii.max()))
    centres = rng.uniform(0, box, size=(len(radii), 3))
    inserted = np.zeros(len(radii), dtype=bool)
    for i, radius in enumerate(radii.tolist()):
        candidate = centres[i].tolist()
        for _ in range(_ATTEMPTS):
            z, y, x = candidate
            if cells.is_free(z, y, x, radius) and free_space.is_free(np.array([candidate]), radius):
                cells.add(z, y, x, radius)
                inserted[i] = True
                break
            candidate = rng.uniform(0, box).tolist()
        centres[i] = candidate
        if not inserted[i]:
            break  # jammed: the rest are no larger, but relaxation places them faster
    return centres, inserted


def overlaps(
    centres: NDArray[np.float64], radii: NDArray[np.float64]
) -> tuple[NDArray[np.int_], NDArray[np.float64]]:
    """Overlapping pairs (m, 2) and the depths (m,) by which they overlap, by a k-d tree."""
    pairs = cKDTree(centres).query_pairs(2 * float(radii.max()), output_type="ndarray")
    distances = np.linalg.norm(centres[pairs[:, 0]] - centres[pairs[:, 1]], axis=1)
    depths = radii[pairs].sum(axis=1) - distances
    return pairs[depths > 0], depths[depths > 0]


def _relax(
    centres: NDArray[np.float64],
    radii: NDArray[np.float64],
    box: NDArray[np.float64],
    rng: np.random.Generator,
    free_space: FreeSpace,
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Push overlapping pairs apart, each by half of the overlap, until there are none.

    Spheres outside of the free space are pushed into it; those trapped, such as between a membrane
    and a face of the ice, move to a random place now and then.

    Returns the centres (n, 3), and which spheres (n,) overlap with nothing in the end.
    """
    for sweep in range(_SWEEPS):
        pairs, depths = overlaps(centres, radii)
        back = free_space.push(centres, radii)
        if not len(pairs) and not back.any():
            logger.info("packing: overlaps gone after %d sweeps", sweep)
            return centres, np.ones(len(radii), dtype=bool)
        apart = centres[pairs[:, 0]] - centres[pairs[:, 1]]
        apart += rng.normal(scale=1e-9, size=apart.shape)  # two equal centres have no direction
        step = apart / np.linalg.norm(apart, axis=1, keepdims=True) * (depths / 2 + _SLACK)[:, None]
        for axis in range(3):
            centres[:, axis] += np.bincount(pairs[:, 0], step[:, axis], minlength=len(radii))
            centres[:, axis] -= np.bincount(pairs[:, 1], step[:, axis], minlength=len(radii))
        centres += back
        if sweep % _SWEEPS_TRAPPED == _SWEEPS_TRAPPED - 1:
            trapped = np.linalg.norm(back, axis=1) > _TRAPPED * radii
            centres[trapped] = rng.uniform(0, box, size=(np.count_nonzero(trapped), 3))
        np.clip(centres, 0, box, out=centres)
    free = np.asarray(~back.any(axis=1))
    free[pairs.ravel()] = False
    return centres, free


def place_spheres(
    radii: NDArray[np.float64],
    box: NDArray[np.float64],
    rng: np.random.Generator,
    free_space: FreeSpace,
    *,
    as_many_as_fit: bool = False,
) -> NDArray[np.float64]:
    """Place spheres of radii (n,) without overlap, their centres in [0, box], of edges (3,).

    All are in one unit of length, as are obstacles and ice, in the coordinates of the box.

    Returns the centres (n, 3), in the order of `radii`; NaN for those left out, if they may be.

    Raises PlacementError if they do not fit; the message gives the fraction reached.
    """
    free_space.check_thickness(float(radii.max()))
    filled = occupied_fraction(radii, box) * np.prod(box) / free_space.volume(box)
    if filled > 1:
        raise PlacementError(
            f"specimen.particles: {len(radii)} spheres fill {filled:.0%} of the region; ask for "
            "fewer particles, a larger region_size_voxels or thicker ice"
        )
    order = np.argsort(-radii, kind="stable")
    centres, inserted = _insert(radii[order], box, rng, free_space)
    if not inserted.all():
        logger.info("packing: %d of %d inserted, relaxing", inserted.sum(), len(radii))
        centres, free = _relax(centres, radii[order], box, rng, free_space)
        if not free.all():
            reached = (
                f"{len(radii)} spheres, {occupied_fraction(radii, box):.1%} of the region, still "
                f"overlap after {_SWEEPS} sweeps; {free.sum()} of them, "
                f"{occupied_fraction(radii[order][free], box):.1%}, are placed"
            )
            if not as_many_as_fit:
                raise PlacementError(
                    f"specimen.particles: {reached}; ask for fewer particles or a larger "
                    "region_size_voxels"
                )
            logger.info("packing: %s, the others left out", reached)
            centres[~free] = np.nan
    placed = np.empty_like(centres)
    placed[order] = centres
    return placed
