"""The ground: vesicles, filaments and fiducials, placed before the particles, drawn after them.

All lie in the ice or, without faces, between the lowest and the highest plane of the tomogram; its
other borders may cut them. They do not overlap, and nothing but particles lies inside a vesicle.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ssn3d.errors import PlacementError
from ssn3d.ground import Ground
from ssn3d.ranges import draw
from ssn3d.specimen.body import Body, Points
from ssn3d.specimen.curve import Curve, directed, worm_like_chain
from ssn3d.specimen.fiducial import Fiducial
from ssn3d.specimen.filament import ACTIN, MICROTUBULE, Assembly, Filament
from ssn3d.specimen.ice import Slab
from ssn3d.specimen.room import Room
from ssn3d.specimen.settings import SpecimenSettings
from ssn3d.specimen.vesicle import Vesicle, draw_shape
from ssn3d.specimen.volume import Grid, add

_ATTEMPTS = 2000  # to place one body


def place_ground(
    settings: SpecimenSettings, slab: Slab | None, rng: np.random.Generator
) -> list[Body]:
    """Place all bodies; `slab` and their places are in voxels of the tomogram, (z, y, x).

    Raises PlacementError where they do not fit.
    """
    size = np.array(settings.tomogram_size_voxels.zyx, dtype=float)
    within = slab or Slab(size / 2, np.array([1.0, 0.0, 0.0]), float(size[0]))
    room = Room(within)
    placed: list[Body] = []
    for key, body_at in _wanted(settings, within, rng):
        for _ in range(_ATTEMPTS):
            body = body_at(rng.uniform(0, size))
            hull = body.hull()
            if room.is_free(*hull):
                break
        else:
            raise PlacementError(
                f"specimen.{key}: no room for one of {body.size_angstrom:.0f} angstrom beside the "
                f"{len(placed)} bodies placed before it; ask for fewer or smaller ones, or thicker "
                "ice"
            )
        room.block(*hull)
        placed.append(body)
    return placed


def _wanted(
    settings: SpecimenSettings, within: Slab, rng: np.random.Generator
) -> Iterator[tuple[str, Callable[[Points], Body]]]:
    """Yield, in the order of their placement, each body's key and what makes it at a centre."""
    grid = Grid(settings.voxel_size_angstrom, settings.resolution_angstrom)
    if (vesicles := settings.vesicles) is not None:
        thickness = vesicles.thickness_angstrom
        for radius in _sizes(vesicles.radius_angstrom, vesicles.count, rng):
            deformation = vesicles.deformation_fraction
            shape = draw_shape(radius / grid.voxel_size_angstrom, deformation, rng)
            yield "vesicles", partial(Vesicle, shape=shape, thickness_angstrom=thickness, grid=grid)
    if (filaments := settings.filaments) is not None:
        for assembly, count in ((MICROTUBULE, filaments.microtubules), (ACTIN, filaments.actin)):
            for length in _sizes(filaments.length_angstrom, count, rng):
                chain = worm_like_chain(length, assembly.persistence_angstrom, rng)
                made = partial(_filament, assembly=assembly, chain=chain, grid=grid)
                yield "filaments", partial(made, within=within, rng=rng)
    if (fiducials := settings.fiducials) is not None:
        for diameter in _sizes(fiducials.diameter_angstrom, fiducials.count, rng):
            yield "fiducials", partial(Fiducial, size_angstrom=diameter, grid=grid)


def _sizes(size: float | list[float], count: int, rng: np.random.Generator) -> list[float]:
    """Draw the size of each body; the largest, hardest to place, comes first."""
    return sorted((draw(size, rng) for _ in range(count)), reverse=True)


def _filament(
    centre: Points,
    *,
    assembly: Assembly,
    chain: Curve,
    grid: Grid,
    within: Slab,
    rng: np.random.Generator,
) -> Filament:
    """Give a filament a direction in which it may fit between the faces of a slab."""
    voxel = grid.voxel_size_angstrom
    free = within.thickness * voxel - 2 * assembly.outer_radius_angstrom
    steepest = np.clip(free / chain.length_angstrom, 0, 1)
    upwards = rng.uniform(-steepest, steepest)
    across = np.cross(within.normal, rng.normal(size=3))
    across *= np.sqrt(1 - upwards**2) / np.linalg.norm(across)
    direction = (upwards * within.normal + across)[::-1]
    return Filament(centre, directed(chain, direction, rng.uniform(0, 2 * np.pi)), assembly, grid)


def draw_ground(
    bodies: Sequence[Body],
    density: NDArray[np.float32],
    labels: NDArray[np.uint16],
    first_label: int,
    threshold_dalton_per_nm3: float,
) -> Ground:
    """Add all bodies to a density and to its labels, (z, y, x) both, in place; give their table."""
    shape = density.shape[0], density.shape[1], density.shape[2]
    for label, body in enumerate(bodies, start=first_label):
        drawn = body.draw(shape, threshold_dalton_per_nm3)
        if drawn is not None:
            add(density, labels, drawn, label)
    return Ground(
        np.array([body.kind for body in bodies], dtype=np.str_),
        np.array([body.centre for body in bodies]).reshape(-1, 3),
        np.array([body.size_angstrom for body in bodies], dtype=float),
    )
