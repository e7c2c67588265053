"""Background objects that the settings ask for: their sizes and shapes, drawn before their places.

Each kind and each object has its own random numbers, so that turning one kind on or off moves few
of the others.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from ssn3d.core.ranges import draw, draw_count
from ssn3d.specimen.carbon import Carbon
from ssn3d.specimen.curve import Curve, directed, worm_like_chain
from ssn3d.specimen.dirt import Dirt, draw_lump
from ssn3d.specimen.fiducial import Fiducial
from ssn3d.specimen.filament import ACTIN, MICROTUBULE, Assembly, Filament
from ssn3d.specimen.ice import Slab
from ssn3d.specimen.obstacle import Obstacle, Points
from ssn3d.specimen.settings import (
    CarbonSettings,
    Count,
    DirtSettings,
    FiducialsSettings,
    FilamentsSettings,
    LengthOrRange,
    OrganellesSettings,
    SheetsSettings,
    SpecimenSettings,
    VesiclesSettings,
)
from ssn3d.specimen.sheet import Sheet, draw_waves
from ssn3d.specimen.vesicle import Vesicle, draw_shape
from ssn3d.specimen.volume import Grid

_SHEETS_APART = 0.06  # radians, standard deviation, between the directions of sheets
_BEAD_HEIGHTS = (-1.0, 1.0)  # of the centre above a face, in radii
_DIRT_HEIGHTS = (-0.3, 0.8)


@dataclass(frozen=True)
class Wanted:
    """An object to be placed."""

    key: str
    """Key of its kind in the settings."""
    rng: np.random.Generator
    """Its own."""
    made: Callable[[Points], Obstacle]
    """Makes it at a point (3,) of the tomogram."""
    moved: Callable[[Points], Points] | None = None
    """Moves a point to where the faces of the ice may cut the object; None: they may not."""
    first: bool = False
    """True if it is placed whatever was placed before."""

    @property
    def cut(self) -> bool:
        """True if the faces of the ice may cut it, and other objects may lie inside it."""
        return self.moved is not None

    def made_at(self, point: Points) -> Obstacle:
        """Make it at, or near, a point (3,) of the tomogram."""
        return self.made(self.moved(point) if self.moved else point)

    def spheres(self, obstacle: Obstacle) -> tuple[Points, float]:
        """Spheres that must be free for the object, and are taken then."""
        return obstacle.exclusion_spheres() if self.cut else obstacle.bounding_spheres()


def wanted_objects(
    settings: SpecimenSettings, grid: Grid, within: Slab, rng: np.random.Generator
) -> Iterator[Wanted]:
    """Yield all objects, in the order in which they are placed."""
    of_vesicles, of_microtubules, of_actin, of_fiducials, *more = rng.spawn(8)
    of_sheets, of_carbon, of_organelles, of_dirt = more
    size = np.array(settings.tomogram_size_voxels.zyx, dtype=float)
    if settings.sheets is not None:
        yield from _sheets(settings.sheets, grid, within, size, of_sheets)
    if settings.carbon is not None:
        yield from _carbon(settings.carbon, grid, within, size, of_carbon)
    if settings.organelles is not None:
        yield from _organelles(settings.organelles, grid, within, of_organelles)
    if settings.vesicles is not None:
        yield from _vesicles(settings.vesicles, grid, of_vesicles)
    if settings.filaments is not None:
        of_kinds = of_microtubules, of_actin
        yield from _filaments(settings.filaments, grid, within, of_kinds)
    if settings.fiducials is not None:
        yield from _fiducials(settings.fiducials, grid, within, of_fiducials)
    if settings.dirt is not None:
        yield from _dirt(settings.dirt, grid, within, of_dirt)


def _sizes(
    size: LengthOrRange, count: Count, rng: np.random.Generator
) -> list[tuple[float, np.random.Generator]]:
    """Draw sizes, each with its own generator; the largest, hardest to place, comes first."""
    drawn = [(draw(size, own), own) for own in rng.spawn(draw_count(count, rng))]
    return sorted(drawn, key=lambda size_and_rng: -size_and_rng[0])


def _at_height(point: Points, slab: Slab, height: float) -> Points:
    """Move a point along the normal of a slab to a height above its middle plane."""
    return np.asarray(point + (height - slab.height(point)) * slab.normal)


def _at_face(point: Points, slab: Slab, heights: Points, rng: np.random.Generator) -> Points:
    """Move a point to either face of a slab, to a height drawn from a range above it."""
    above = slab.thickness / 2 + rng.uniform(*heights)
    return _at_height(point, slab, float(rng.choice([-above, above])))


def _anywhere(point: Points, slab: Slab, rng: np.random.Generator) -> Points:
    """Move a point to any height between the faces of a slab."""
    return _at_height(point, slab, slab.thickness * rng.uniform(-0.5, 0.5))


def _unit(vector: Points) -> Points:
    return np.asarray(vector / np.linalg.norm(vector))


def _sheets(
    settings: SheetsSettings, grid: Grid, within: Slab, size: Points, rng: np.random.Generator
) -> Iterator[Wanted]:
    """Yield sheets, nearly parallel, of one direction drawn for the tomogram."""
    direction = _unit(rng.normal(size=3))
    double_fraction = draw(settings.double_fraction, rng)
    for own in rng.spawn(draw_count(settings.count, rng)):
        double = own.random() < double_fraction
        spacing = draw(settings.spacing_angstrom, own) if double else 0.0
        undulation = draw(settings.undulation_angstrom, own) / grid.voxel_size_angstrom
        waves = draw_waves(undulation, grid.voxel_size_angstrom, own)
        normal = _unit(direction + _SHEETS_APART * own.normal(size=3))
        along = _unit(np.cross(normal, own.normal(size=3)))
        frame = np.stack([normal, along, np.cross(normal, along)])

        made = partial(
            Sheet,
            frame=frame,
            waves=waves,
            thickness_angstrom=settings.thickness_angstrom,
            spacing_angstrom=spacing,
            tomogram=size,
            grid=grid,
        )
        yield Wanted("sheets", own, made, partial(_anywhere, slab=within, rng=own))


def _carbon(
    settings: CarbonSettings, grid: Grid, within: Slab, size: Points, rng: np.random.Generator
) -> Iterator[Wanted]:
    """Yield the film, if any."""
    for thickness, own in _sizes(settings.thickness_angstrom, settings.count, rng):
        radius = settings.hole_radius_angstrom
        hole = np.inf if radius is None else draw(radius, own) / grid.voxel_size_angstrom
        height = 0.0
        if settings.place == "face":
            below = within.thickness / 2 - thickness / grid.voxel_size_angstrom / 2
            height = float(own.choice([-1, 1])) * max(below, 0.0)
        outwards = _unit(np.cross(within.normal, own.normal(size=3)))

        made = partial(
            Carbon,
            normal=within.normal,
            outwards=outwards,
            size_angstrom=thickness,
            hole_radius=hole,
            tomogram=size,
            grid=grid,
        )
        at_height = partial(_at_height, slab=within, height=height)
        yield Wanted("carbon", own, made, at_height, first=True)


def _organelles(
    settings: OrganellesSettings, grid: Grid, within: Slab, rng: np.random.Generator
) -> Iterator[Wanted]:
    for radius, own in _sizes(settings.radius_angstrom, settings.count, rng):
        shape = draw_shape(radius / grid.voxel_size_angstrom, settings.deformation_fraction, own)
        made = partial(
            Vesicle,
            shape=shape,
            thickness_angstrom=settings.thickness_angstrom,
            grid=grid,
            spacing_angstrom=draw(settings.spacing_angstrom, own),
        )
        yield Wanted("organelles", own, made, partial(_anywhere, slab=within, rng=own))


def _vesicles(settings: VesiclesSettings, grid: Grid, rng: np.random.Generator) -> Iterator[Wanted]:
    vesicle = partial(Vesicle, thickness_angstrom=settings.thickness_angstrom, grid=grid)
    for radius, own in _sizes(settings.radius_angstrom, settings.count, rng):
        in_voxels = radius / grid.voxel_size_angstrom
        shape = draw_shape(in_voxels, settings.deformation_fraction, own)
        yield Wanted("vesicles", own, partial(vesicle, shape=shape))


def _filaments(
    settings: FilamentsSettings,
    grid: Grid,
    within: Slab,
    of_kinds: tuple[np.random.Generator, np.random.Generator],
) -> Iterator[Wanted]:
    for assembly, count, rng in zip(
        (MICROTUBULE, ACTIN), (settings.microtubules, settings.actin), of_kinds, strict=True
    ):
        filament = partial(_filament, assembly=assembly, grid=grid, within=within)
        for length, own in _sizes(settings.length_angstrom, count, rng):
            chain = worm_like_chain(length, assembly.persistence_angstrom, own)
            yield Wanted("filaments", own, partial(filament, chain=chain, rng=own))


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


def _fiducials(
    settings: FiducialsSettings, grid: Grid, within: Slab, rng: np.random.Generator
) -> Iterator[Wanted]:
    contrast = draw(settings.contrast, rng)
    for diameter, own in _sizes(settings.diameter_angstrom, settings.count, rng):
        made = partial(Fiducial, size_angstrom=diameter, grid=grid, contrast=contrast)
        heights = np.array(_BEAD_HEIGHTS) * diameter / grid.voxel_size_angstrom / 2
        yield Wanted("fiducials", own, made, _to_face(settings.place, within, heights, own))


def _dirt(
    settings: DirtSettings, grid: Grid, within: Slab, rng: np.random.Generator
) -> Iterator[Wanted]:
    for diameter, own in _sizes(settings.diameter_angstrom, settings.count, rng):
        lump = draw_lump(diameter / grid.voxel_size_angstrom / 2, own)
        contrast = draw(settings.contrast_dalton_per_nm3, own)
        made = partial(Dirt, lump=lump, contrast_dalton_per_nm3=contrast, grid=grid)
        heights = np.array(_DIRT_HEIGHTS) * diameter / grid.voxel_size_angstrom / 2
        yield Wanted("dirt", own, made, _to_face(settings.place, within, heights, own))


def _to_face(
    place: str, slab: Slab, heights: Points, rng: np.random.Generator
) -> Callable[[Points], Points] | None:
    """Mover of a point to a face of a slab, for objects on its surface; None for those inside."""
    at_face = partial(_at_face, slab=slab, heights=heights, rng=rng)
    return at_face if place == "surface" else None
