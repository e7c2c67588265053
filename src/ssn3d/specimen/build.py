"""A specimen: particles and background objects placed, rotated and drawn."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from ssn3d.core.background import Background
from ssn3d.core.blas import one_blas_thread
from ssn3d.core.errors import PlacementError
from ssn3d.core.log import logger
from ssn3d.core.particles import Particles
from ssn3d.core.ranges import draw, draw_count
from ssn3d.specimen.background import draw_background, place_background
from ssn3d.specimen.fiducial import Fiducial
from ssn3d.specimen.free_space import FreeSpace
from ssn3d.specimen.ice import Slab, add_slab, draw_slab, subtract_slab_mean
from ssn3d.specimen.membrane_protein import Spheres, place_membrane_proteins
from ssn3d.specimen.obstacle import Obstacle
from ssn3d.specimen.placement import occupied_fraction, place_spheres
from ssn3d.specimen.settings import SpecimenSettings
from ssn3d.specimen.small_proteins import add_small_proteins
from ssn3d.specimen.volume import Grid, PointMasses, render
from ssn3d.structures.bounding import bounding_sphere
from ssn3d.structures.maps import density_map

_MOST_FILLED = 0.25  # of the region or ice, by spheres whose number is a range
_MOST_LABELS = np.iinfo(np.uint16).max


@dataclass(frozen=True)
class Specimen:
    """A volume, its ground truth, and a summary of its content."""

    density: NDArray[np.float32]
    """(z, y, x) in dalton per nm^3; with ice, the mean in the slab is subtracted."""
    labels: NDArray[np.uint16]
    """(z, y, x); 1 to n are the rows of the particles, higher labels those of the background."""
    particles: Particles
    """Particles that reach into the tomogram."""
    background: Background
    summary: dict[str, object]


def copy_numbers(
    pdb_ids: list[str], particles: int, proportions: str, rng: np.random.Generator
) -> NDArray[np.str_]:
    """Draw the class of each particle, (particles,), in random order.

    With `equal` proportions all classes have the same number of copies, and the remainder is drawn
    at random; with `random`, the share of each class is drawn from U(0, 1).
    """
    ids = np.array(pdb_ids)
    if proportions == "random":
        shares = rng.uniform(size=len(ids))
        return rng.choice(ids, size=particles, p=shares / shares.sum())
    whole, rest = divmod(particles, len(ids))
    chosen = np.concatenate([np.repeat(ids, whole), rng.choice(ids, size=rest, replace=False)])
    return rng.permutation(chosen)


def _bounding_spheres(
    structures: Mapping[str, PointMasses], grid: Grid, threshold_fraction: float
) -> Spheres:
    """Find the bounding sphere of each structure: centre (3,) and radius in voxels."""
    return {
        pdb_id: bounding_sphere(
            density_map(*points, grid.voxel_size_angstrom, grid.resolution_angstrom),
            threshold_fraction,
        )
        for pdb_id, points in structures.items()
    }


def _fitting(
    radii: NDArray[np.float64], region: NDArray[np.float64], free_space: FreeSpace
) -> NDArray[np.bool_]:
    """Mark the spheres (n,), a random order, that fit into the region together, and the ice.

    Raises PlacementError if none fits.
    """
    largest = np.inf if free_space.slab is None else free_space.slab.thickness / 2
    volumes = np.where(radii < largest, 4 / 3 * np.pi * radii**3, 0)
    within = np.cumsum(volumes) <= _MOST_FILLED * free_space.volume(region)
    fitting = (radii < largest) & within
    if not fitting.any():
        raise PlacementError(
            "specimen.particles: no particle fits into the region and the ice; make them larger, "
            "or choose smaller structures"
        )
    if not fitting.all():
        logger.info("packing: %d of %d particles fit", fitting.sum(), len(fitting))
    return fitting


def _free_space(
    slab: Slab | None, obstacles: Sequence[Obstacle], border: NDArray[np.float64]
) -> FreeSpace:
    """Return the space for particles in the frame of the region.

    `border` (3,) is the tomogram's origin in the region.
    """
    free_space = FreeSpace(slab and replace(slab, centre=slab.centre + border))
    for obstacle in obstacles:
        centres, radius = obstacle.exclusion_spheres()
        free_space.block(centres + border, radius)
    return free_space


@dataclass(frozen=True)
class _Plan:
    """What a specimen is made of."""

    settings: SpecimenSettings
    structures: Mapping[str, PointMasses]
    slab: Slab | None
    grid: Grid
    numbers: dict[str, float]
    """Values drawn from ranges, by their keys in the settings."""


def _place_obstacles(plan: _Plan, spheres: Spheres, *rngs: np.random.Generator) -> list[Obstacle]:
    """Place background objects and membrane proteins, and add what is drawn to the numbers."""
    settings = plan.settings
    obstacles = place_background(settings, plan.slab, plan.grid, rngs[0])
    beads = [obstacle for obstacle in obstacles if isinstance(obstacle, Fiducial)]
    if beads and settings.fiducials is not None and isinstance(settings.fiducials.contrast, list):
        plan.numbers["fiducials.contrast"] = beads[0].contrast
    if settings.membrane_proteins is None:
        return obstacles
    proteins, plan.numbers["membrane_proteins.density_per_um2"] = place_membrane_proteins(
        settings.membrane_proteins,
        obstacles,
        plan.structures,
        spheres,
        tomogram=np.array(settings.tomogram_size_voxels.zyx, dtype=float),
        slab=plan.slab,
        grid=plan.grid,
        rng=rngs[1],
    )
    return [*obstacles, *proteins]


def _draw(
    plan: _Plan, particles: Particles, obstacles: Sequence[Obstacle], rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.uint16], Background]:
    """Draw particles, background objects and small proteins, and set the mean in the ice to 0.

    The numbers have the contrast of the ice, and get the concentration of small proteins.
    """
    settings, slab, grid, numbers = plan.settings, plan.slab, plan.grid, plan.numbers
    threshold = settings.mask_threshold_dalton_per_nm3
    shape = settings.tomogram_size_voxels.zyx
    density, labels = render(plan.structures, particles, shape, grid, threshold)
    background = draw_background(
        obstacles,
        density,
        labels,
        len(particles) + 1,
        threshold_dalton_per_nm3=threshold,
        slab=slab,
        grid=grid,
    )
    if settings.small_proteins is not None:
        numbers["small_proteins.concentration_per_um3"] = add_small_proteins(
            density, settings.small_proteins, slab, grid, rng
        )
    if slab is not None:
        subtract_slab_mean(density, slab)
        if (contrast := numbers.get("ice.contrast_dalton_per_nm3")) is not None:
            add_slab(density, slab, contrast, grid.sigma_voxels)
    return density, labels, background


@one_blas_thread()
def build_specimen(
    structures: Mapping[str, PointMasses], settings: SpecimenSettings, rng: np.random.Generator
) -> Specimen:
    """Pack particles into the region, and draw those that reach into the tomogram.

    Bounding spheres must not overlap, and decide which particles reach into the tomogram.
    Background objects are placed first, with their own random numbers.

    Raises PlacementError if the particles do not fit, or are more than can be labelled.
    """
    # Spawning leaves the state of rng as it is.
    of_ice, of_background, of_crowd, of_resolution, of_membranes, of_small = rng.spawn(6)
    resolution = draw(settings.resolution_angstrom, of_resolution)
    grid = Grid(settings.voxel_size_angstrom, resolution)
    spheres = _bounding_spheres(structures, grid, settings.bounding_threshold_fraction)
    region = np.array(settings.region_size_voxels.zyx, dtype=float)
    tomogram = np.array(settings.tomogram_size_voxels.zyx, dtype=float)
    slab, numbers = draw_slab(settings, of_ice)
    if isinstance(settings.resolution_angstrom, list):
        numbers["resolution_angstrom"] = resolution
    plan = _Plan(settings, structures, slab, grid, numbers)
    obstacles = _place_obstacles(plan, spheres, of_background, of_membranes)
    free_space = _free_space(slab, obstacles, (region - tomogram) / 2)

    count = draw_count(settings.particles, of_crowd)
    pdb_ids = copy_numbers(list(structures), count, settings.proportions, rng)
    offsets = np.array([spheres[i][0] for i in pdb_ids.tolist()])
    radii = np.array([spheres[i][1] for i in pdb_ids.tolist()])
    some = isinstance(settings.particles, list)
    if some:
        fitting = _fitting(radii, region, free_space)
        pdb_ids, offsets, radii = pdb_ids[fitting], offsets[fitting], radii[fitting]
    placed = place_spheres(radii, region, rng, free_space, as_many_as_fit=some)
    left = np.isfinite(placed).all(axis=1)
    pdb_ids, offsets, radii = pdb_ids[left], offsets[left], radii[left]
    sphere_centres = placed[left] - (region - tomogram) / 2
    rotations = Rotation.random(len(pdb_ids), rng=rng).as_matrix()
    centres = sphere_centres - (rotations @ offsets[:, :, None])[:, :, 0]

    reach = (radii + grid.margin_voxels)[:, None]
    inside = ((sphere_centres > -reach) & (sphere_centres < tomogram + reach)).all(axis=1)
    if inside.sum() + len(obstacles) > _MOST_LABELS:
        raise PlacementError(
            f"specimen.particles: {inside.sum() + len(obstacles)} particles and other objects "
            f"reach into the tomogram, at most {_MOST_LABELS} can be labelled; ask for fewer, in "
            "more tomograms"
        )
    particles = Particles(pdb_ids, centres, rotations)[inside]
    logger.info("packing: %d placed, %d reach into the tomogram", len(pdb_ids), len(particles))
    density, labels, background = _draw(plan, particles, obstacles, of_small)
    summary = {
        "particles_in_region": len(pdb_ids),
        "particles_in_tomogram": len(particles),
        "sphere_fraction_of_region": occupied_fraction(radii, region),
        "labelled_fraction_of_tomogram": float(np.count_nonzero(labels) / labels.size),
        "copies": {i: int(np.sum(particles.pdb_ids == i)) for i in structures},
        "numbers": numbers,
        "ground": dict(Counter(background.kinds.tolist())),
        "bounding_radius_voxels": {i: radius for i, (_, radius) in spheres.items()},
        "bounding_centre_voxels": {i: centre.tolist() for i, (centre, _) in spheres.items()},
    }
    return Specimen(density, labels, particles, background, summary)
