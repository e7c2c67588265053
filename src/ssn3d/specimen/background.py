"""Background objects, placed before particles, drawn after.

Most lie within the ice or, without ice, between the lowest and highest plane of the tomogram; its
other borders may cut them. They do not overlap, and only particles may lie inside a vesicle. Sheets
and organelles are cut by the faces of the ice as well, and may enclose other objects. A film of
carbon is crossed by sheets; all other objects keep away from it.
"""

from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ssn3d.core.background import Background
from ssn3d.core.errors import PlacementError
from ssn3d.specimen.free_space import FreeSpace
from ssn3d.specimen.ice import Slab, clip_to_slab
from ssn3d.specimen.obstacle import Obstacle
from ssn3d.specimen.settings import SpecimenSettings
from ssn3d.specimen.volume import Grid, add
from ssn3d.specimen.wanted import wanted_objects

_ATTEMPTS = 2000  # at placing one object
_FEW = 50  # of so many spheres, one is tried first
_CUT = ("sheet", "double membrane")


def place_background(
    settings: SpecimenSettings, slab: Slab | None, grid: Grid, rng: np.random.Generator
) -> list[Obstacle]:
    """Place all background objects; `slab` and their centres are in voxels of the tomogram.

    Raises PlacementError if they do not fit.
    """
    size = np.array(settings.tomogram_size_voxels.zyx, dtype=float)
    within = slab or Slab(size / 2, np.array([1.0, 0.0, 0.0]), float(size[0]))
    free_space = FreeSpace(within)
    placed: list[Obstacle] = []
    for wanted in wanted_objects(settings, grid, within, rng):
        for _ in range(_ATTEMPTS):
            obstacle = wanted.made_at(wanted.rng.uniform(0, size))
            centres, radius = wanted.spheres(obstacle)
            free = partial(free_space.is_free, radius=radius, in_ice=not wanted.cut)
            if wanted.first or (free(centres[::_FEW]) and free(centres)):
                break
        else:
            raise PlacementError(
                f"specimen.{wanted.key}: no room for one of {obstacle.size_angstrom:.0f} angstrom "
                f"beside the {len(placed)} objects placed before it; ask for fewer or smaller "
                "ones, or thicker ice"
            )
        free_space.block(centres, radius)
        placed.append(obstacle)
    return placed


def draw_background(
    obstacles: Sequence[Obstacle],
    density: NDArray[np.float32],
    labels: NDArray[np.uint16],
    first_label: int,
    *,
    threshold_dalton_per_nm3: float,
    slab: Slab | None,
    grid: Grid,
) -> Background:
    """Add all objects to a density and to its labels, both (z, y, x), in place; return a table.

    The faces of the ice, if any, cut open and double membranes.
    """
    shape = density.shape[0], density.shape[1], density.shape[2]
    for label, obstacle in enumerate(obstacles, start=first_label):
        drawn = obstacle.draw(shape, threshold_dalton_per_nm3)
        if drawn is not None:
            if slab is not None and obstacle.kind in _CUT:
                clip_to_slab(drawn.density, slab, drawn.corner, grid.sigma_voxels)
                drawn.mask[:] = drawn.density > threshold_dalton_per_nm3
            add(density, labels, drawn, label)
    return Background(
        np.array([obstacle.kind for obstacle in obstacles], dtype=np.str_),
        np.array([obstacle.centre for obstacle in obstacles]).reshape(-1, 3),
        np.array([obstacle.size_angstrom for obstacle in obstacles], dtype=float),
    )
