"""Small proteins: the unlabelled background of a cell or of a lysate.

Each is a few points at random in a ball of the volume of its mass, so that no two look alike. All
are splatted on the grid and blurred at once. They may overlap anything.
"""

import itertools

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from ssn3d.core.ranges import draw, highest, lowest
from ssn3d.specimen.ice import Slab
from ssn3d.specimen.settings import SmallProteinsSettings
from ssn3d.specimen.volume import Grid, overlap
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
    most = _radii_angstrom(np.array(highest(settings.mass_dalton))) / grid.voxel_size_angstrom
    margin = grid.margin_voxels + int(np.ceil(most)) + 1  # as far as any reaches
    low, high = np.full(3, -margin), np.array(density.shape) + margin
    if slab is not None:
        low[0], high[0] = _planes_of(slab, density.shape, margin)
    voxel_um3 = (grid.voxel_size_angstrom / 1e4) ** 3
    count = rng.poisson(concentration * voxel_um3 * np.prod(high - low, dtype=float))
    points, masses = _draw_points(settings, low, high, count, slab=slab, grid=grid, rng=rng)
    own = np.zeros(high - low, dtype=np.float32)
    _splat(own, points, masses)
    sigma = np.sqrt(grid.sigma_voxels**2 - SPLAT_VARIANCE_VOXELS2)
    gaussian_filter(own, sigma, output=own, mode="constant", radius=grid.margin_voxels)
    own *= np.float32((grid.voxel_size_angstrom / 10) ** -3)
    parts = overlap(low, own.shape, density.shape)
    if parts is not None:
        density[parts[0]] += own[parts[1]]
    return concentration


def _radii_angstrom(masses_dalton: NDArray[np.floating]) -> NDArray[np.floating]:
    return np.asarray(np.cbrt(0.75 / np.pi * PROTEIN_ANGSTROM3_PER_DALTON * masses_dalton))


def _planes_of(slab: Slab, shape: tuple[int, ...], margin: int) -> tuple[int, int]:
    """First plane of a volume that proteins in a slab may reach, and the first beyond the last."""
    ends = [np.array([-margin, n + margin]) for n in shape[1:]]
    y, x = (end - c for end, c in zip(ends, slab.centre[1:], strict=True))
    across = (y[:, None] * slab.normal[1] + x * slab.normal[2]) / slab.normal[0]
    half = slab.thickness / 2 / slab.normal[0]
    least, most = slab.centre[0] - across.max() - half, slab.centre[0] - across.min() + half
    first = max(int(np.floor(least)) - margin, -margin)
    return first, max(min(int(np.ceil(most)) + margin, shape[0] + margin), first + 1)


def _draw_points(
    settings: SmallProteinsSettings,
    low: NDArray[np.int_],
    high: NDArray[np.int_],
    count: int,
    *,
    slab: Slab | None,
    grid: Grid,
    rng: np.random.Generator,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Draw the points (n, 3) of all proteins of a box, from its corner, and their masses (n,)."""
    size = (high - low).astype(np.float32)
    places = rng.random((count, 3), dtype=np.float32) * size
    bounds = lowest(settings.mass_dalton), highest(settings.mass_dalton)
    masses = rng.uniform(*bounds, size=count).astype(np.float32)
    if slab is not None:
        inside = slab.depth(np.asarray(places + low, dtype=np.float64)) > 0
        places, masses = places[inside], masses[inside]
    offsets = rng.standard_normal((len(places), _POINTS, 3), dtype=np.float32)
    offsets /= np.linalg.norm(offsets, axis=2, keepdims=True)
    offsets *= np.cbrt(rng.random((len(places), _POINTS, 1), dtype=np.float32))
    radii = _radii_angstrom(masses) / np.float32(grid.voxel_size_angstrom)
    points = (places[:, None] + radii[:, None, None] * offsets).reshape(-1, 3)
    within = np.asarray(((points >= 0) & (points < size - 1)).all(axis=1))
    shares = np.repeat(masses / np.float32(_POINTS), _POINTS)
    return points[within], np.asarray(shares[within], dtype=np.float32)


def _splat(
    volume: NDArray[np.float32], points: NDArray[np.float32], masses: NDArray[np.float32]
) -> None:
    """Distribute masses (n,) at points (n, 3) over the eight voxels around each, in place."""
    _, size_y, size_x = volume.shape
    base = points.astype(np.int64)
    upper = points - base
    for corner in itertools.product((0, 1), repeat=3):
        z, y, x = (base + corner).T
        weights = np.where(corner, upper, 1 - upper)
        shares = masses * weights[:, 0] * weights[:, 1] * weights[:, 2]
        np.add.at(volume.reshape(-1), (z * size_y + y) * size_x + x, shares.astype(np.float32))
