"""Small proteins: the unlabelled background of a cell or of a lysate.

Each is a few points at random in a ball of the volume of its mass, so that no two look alike. All
are splatted on the grid and blurred at once. They may overlap anything. The volume is periodic to
them, so that their density is even up to its borders.
"""

import itertools

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from ssn3d.core.ranges import draw, highest, lowest
from ssn3d.specimen.ice import Slab
from ssn3d.specimen.settings import SmallProteinsSettings
from ssn3d.specimen.volume import Grid
from ssn3d.structures.maps import SPLAT_VARIANCE_VOXELS2
from ssn3d.structures.surrogates import PROTEIN_ANGSTROM3_PER_DALTON

_POINTS = 8  # of each protein


def add_small_proteins(
    density: NDArray[np.float32],
    settings: SmallProteinsSettings,
    slab: Slab | None,
    grid: Grid,
    rng: np.random.Generator,
) -> float:
    """Add small proteins to a density (z, y, x), in place; return their number per um^3."""
    concentration = draw(settings.concentration_per_um3, rng)
    points, masses = _draw_points(
        settings, density.shape, concentration, slab=slab, grid=grid, rng=rng
    )
    if not len(points):
        return concentration
    first = max(int(points[:, 0].min()) - grid.margin_voxels, 0)
    last = min(int(points[:, 0].max()) + grid.margin_voxels + 2, len(density))
    own = np.zeros((last - first, *density.shape[1:]), dtype=np.float32)
    points[:, 0] -= np.float32(first)
    _splat(own, points, masses)
    sigma = np.sqrt(grid.sigma_voxels**2 - SPLAT_VARIANCE_VOXELS2)
    gaussian_filter(own, sigma, output=own, mode="wrap", radius=grid.margin_voxels)
    own *= np.float32((grid.voxel_size_angstrom / 10) ** -3)
    density[first:last] += own
    return concentration


def _draw_points(
    settings: SmallProteinsSettings,
    shape: tuple[int, ...],
    concentration_per_um3: float,
    *,
    slab: Slab | None,
    grid: Grid,
    rng: np.random.Generator,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Draw the points (n, 3) of all proteins, inside a volume, and their masses (n,) in dalton."""
    size = np.array(shape, dtype=np.float32)
    voxel_um3 = (grid.voxel_size_angstrom / 1e4) ** 3
    count = rng.poisson(concentration_per_um3 * voxel_um3 * np.prod(size, dtype=float))
    places = rng.random((count, 3), dtype=np.float32) * size
    bounds = lowest(settings.mass_dalton), highest(settings.mass_dalton)
    masses = rng.uniform(*bounds, size=count).astype(np.float32)
    if slab is not None:
        inside = slab.depth(places.astype(np.float64)) > 0
        places, masses = places[inside], masses[inside]
    radii = np.cbrt(0.75 / np.pi * PROTEIN_ANGSTROM3_PER_DALTON * masses)
    offsets = rng.standard_normal((len(places), _POINTS, 3), dtype=np.float32)
    offsets /= np.linalg.norm(offsets, axis=2, keepdims=True)
    offsets *= np.cbrt(rng.random((len(places), _POINTS, 1), dtype=np.float32))
    offsets *= (radii / np.float32(grid.voxel_size_angstrom))[:, None, None]
    points = (places[:, None] + offsets).reshape(-1, 3)
    return np.mod(points, size), np.repeat(masses / _POINTS, _POINTS)


def _splat(
    volume: NDArray[np.float32], points: NDArray[np.float32], masses: NDArray[np.float32]
) -> None:
    """Distribute masses (n,) at points (n, 3) over the eight voxels around each, in place."""
    size = np.array(volume.shape)
    base = np.floor(points).astype(np.int64)
    upper = points - base
    for corner in itertools.product((0, 1), repeat=3):
        z, y, x = ((base + corner) % size).T
        weights = np.where(corner, upper, 1 - upper)
        shares = masses * weights[:, 0] * weights[:, 1] * weights[:, 2]
        np.add.at(volume.reshape(-1), (z * size[1] + y) * size[2] + x, shares)
