"""Background objects: vesicles, filaments and fiducials, placed before particles, drawn after.

All lie within the ice or, without ice, between the lowest and highest plane of the tomogram; its
other borders may cut them. They do not overlap, and only particles may lie inside a vesicle.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ssn3d.core.background import Background
from ssn3d.core.errors import PlacementError
from ssn3d.core.ranges import draw
from ssn3d.specimen.curve import Curve, directed, worm_like_chain
from ssn3d.specimen.fiducial import Fiducial
from ssn3d.specimen.filament import ACTIN, MICROTUBULE, Assembly, Filament
from ssn3d.specimen.free_space import FreeSpace
from ssn3d.specimen.ice import Slab
from ssn3d.specimen.obstacle import Obstacle, Points
from ssn3d.specimen.settings import SpecimenSettings
from ssn3d.specimen.vesicle import Vesicle, draw_shape
from ssn3d.specimen.volume import Grid, add

_ATTEMPTS = 2000  # at placing one object


def place_background(
    settings: SpecimenSettings, slab: Slab | None, rng: np.random.Generator
) -> list[Obstacle]:
    """Place all background objects; `slab` and their centres are in voxels of the tomogram.

    Raises PlacementError if they do not fit.
    """
    size = np.array(settings.tomogram_size_voxels.zyx, dtype=float)
    within = slab or Slab(size / 2, np.array([1.0, 0.0, 0.0]), float(size[0]))
    free_space = FreeSpace(within)
    placed: list[Obstacle] = []
    for key, own, obstacle_at in _wanted(settings, within, rng):
        for _ in range(_ATTEMPTS):
            obstacle = obstacle_at(own.uniform(0, size))
            spheres = obstacle.bounding_spheres()
            if free_space.is_free(*spheres):
                break
        else:
            raise PlacementError(
                f"specimen.{key}: no room for one of {obstacle.size_angstrom:.0f} angstrom beside "
                f"the {len(placed)} objects placed before it; ask for fewer or smaller ones, or "
                "thicker ice"
            )
        free_space.block(*spheres)
        placed.append(obstacle)
    return placed


def _wanted(
    settings: SpecimenSettings, within: Slab, rng: np.random.Generator
) -> Iterator[tuple[str, np.random.Generator, Callable[[Points], Obstacle]]]:
    """Yield, for each object, its key, its generator, and a function that makes it at a centre.

    Each has its own random numbers, so that turning one kind on or off moves few of the others.
    """
    grid = Grid(settings.voxel_size_angstrom, settings.resolution_angstrom)
    of_vesicles, of_microtubules, of_actin, of_fiducials = rng.spawn(4)
    if (vesicles := settings.vesicles) is not None:
        vesicle = partial(Vesicle, thickness_angstrom=vesicles.thickness_angstrom, grid=grid)
        for radius, own in _sizes(vesicles.radius_angstrom, vesicles.count, of_vesicles):
            in_voxels = radius / grid.voxel_size_angstrom
            shape = draw_shape(in_voxels, vesicles.deformation_fraction, own)
            yield "vesicles", own, partial(vesicle, shape=shape)
    if (filaments := settings.filaments) is not None:
        for assembly, count, of_kind in (
            (MICROTUBULE, filaments.microtubules, of_microtubules),
            (ACTIN, filaments.actin, of_actin),
        ):
            filament = partial(_filament, assembly=assembly, grid=grid, within=within)
            for length, own in _sizes(filaments.length_angstrom, count, of_kind):
                chain = worm_like_chain(length, assembly.persistence_angstrom, own)
                yield "filaments", own, partial(filament, chain=chain, rng=own)
    if (fiducials := settings.fiducials) is not None:
        for diameter, own in _sizes(fiducials.diameter_angstrom, fiducials.count, of_fiducials):
            yield "fiducials", own, partial(Fiducial, size_angstrom=diameter, grid=grid)


def _sizes(
    size: float | list[float], count: int, rng: np.random.Generator
) -> list[tuple[float, np.random.Generator]]:
    """Draw sizes, each with its own generator; the largest, hardest to place, comes first."""
    drawn = [(draw(size, own), own) for own in rng.spawn(count)]
    return sorted(drawn, key=lambda size_and_rng: -size_and_rng[0])


def _filament(
    centre: Points,
    *,
    assembly: Assembly,
    chain: Curve,
    grid: Grid,
    within: Slab,
    rng: np.random.Generator,
) -> Filament:
    """Place a filament in a random direction in which it may fit between the faces of a slab."""
    voxel = grid.voxel_size_angstrom
    free = within.thickness * voxel - 2 * assembly.outer_radius_angstrom
    steepest = np.clip(free / chain.length_angstrom, 0, 1)
    upwards = rng.uniform(-steepest, steepest)
    across = np.cross(within.normal, rng.normal(size=3))
    across *= np.sqrt(1 - upwards**2) / np.linalg.norm(across)
    direction = (upwards * within.normal + across)[::-1]
    return Filament(centre, directed(chain, direction, rng.uniform(0, 2 * np.pi)), assembly, grid)


def draw_background(
    obstacles: Sequence[Obstacle],
    density: NDArray[np.float32],
    labels: NDArray[np.uint16],
    first_label: int,
    threshold_dalton_per_nm3: float,
) -> Background:
    """Add all objects to a density and to its labels, both (z, y, x), in place; return a table."""
    shape = density.shape[0], density.shape[1], density.shape[2]
    for label, obstacle in enumerate(obstacles, start=first_label):
        drawn = obstacle.draw(shape, threshold_dalton_per_nm3)
        if drawn is not None:
            add(density, labels, drawn, label)
    return Background(
        np.array([obstacle.kind for obstacle in obstacles], dtype=np.str_),
        np.array([obstacle.centre for obstacle in obstacles]).reshape(-1, 3),
        np.array([obstacle.size_angstrom for obstacle in obstacles], dtype=float),
    )
