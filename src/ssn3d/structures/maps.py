"""Density maps: points of mass on a grid, blurred to a resolution.

A resolution d is two standard deviations of a 3-D Gaussian: d / (2 sqrt 3) along each axis, 1.155
voxels for 40 angstrom on a 10 angstrom grid (Pei et al. 2016, BMC Bioinformatics 17, 405).
Points are splatted trilinearly, which keeps mass and centre of mass exact and adds a variance of
f (1 - f) per axis for a point at fraction f of a voxel: 1/6 on average. The Gaussian that follows
is narrower by that amount, so the second moment of a map matches the resolution.
"""

import functools
import itertools
import math

import numpy as np
from numpy.typing import NDArray

from ssn3d.core.blas import one_blas_thread

SPLAT_VARIANCE_VOXELS2 = 1 / 6
_CORNERS = np.array(list(itertools.product((0, 1), repeat=3)))
_MASS_BEYOND_MARGIN = 1e-7


def sigma_voxels(resolution_angstrom: float, voxel_size_angstrom: float) -> float:
    """Standard deviation of the blur along one axis."""
    return resolution_angstrom / (2 * math.sqrt(3)) / voxel_size_angstrom


def _kernel(offsets: NDArray[np.int_], sigma: float) -> NDArray[np.float64]:
    """Gaussian that blurs splatted points, at offsets in voxels; 1 at its centre."""
    variance = sigma**2 - SPLAT_VARIANCE_VOXELS2
    if variance <= 0:
        raise ValueError(f"a blur of {sigma:.3f} voxels is finer than the grid can represent")
    return np.exp(-(offsets**2) / (2 * variance))


@functools.lru_cache(maxsize=256)
def blur_margin_voxels(sigma: float) -> int:
    """Voxels that a map needs around its points: 6 for 40 angstrom on a 10 angstrom grid.

    On each side less than 1e-7 of the mass of an outermost point is blurred beyond them; even that
    is kept, since the columns of `blur_matrix` sum to 1.
    """
    offsets = np.arange(-math.ceil(20 * sigma), 1)  # one side; beyond, float64 is 0
    tail = np.cumsum(_kernel(offsets, sigma))
    beyond = tail / (2 * tail[-1] - 1)  # the fraction at and beyond each offset
    return 1 - int(offsets[beyond >= _MASS_BEYOND_MARGIN][0])


@functools.lru_cache(maxsize=256)
def blur_matrix(size: int, sigma: float) -> NDArray[np.float32]:
    """Matrix (size, size) that blurs along one axis; its columns sum to 1, so mass is kept."""
    offsets = np.arange(size)[:, None] - np.arange(size)[None, :]
    kernel = _kernel(offsets, sigma)
    matrix: NDArray[np.float32] = (kernel / kernel.sum(axis=0)).astype(np.float32)
    return matrix


def splat(
    points_voxels: NDArray[np.float32], masses: NDArray[np.float32], size: int
) -> NDArray[np.float32]:
    """Distribute masses (n,) at points (n, 3) over the eight voxels around each: (size,)*3."""
    base = np.floor(points_voxels).astype(np.int32)
    upper = points_voxels - base
    weights = np.stack([1 - upper, upper])  # (2, n, 3)
    strides = np.array([size * size, size, 1], dtype=np.int32)
    voxels = (base @ strides)[None, :] + (_CORNERS @ strides)[:, None]  # (8, n)
    plane = weights[:, None, :, 1] * weights[None, :, :, 2]  # (2, 2, n) over y, x
    column = weights[:, :, 0] * masses  # (2, n) over z
    shares = (column[:, None, None] * plane).reshape(8, -1)
    volume = np.bincount(voxels.ravel(), shares.ravel(), minlength=size**3)
    return volume.astype(np.float32).reshape(size, size, size)


@one_blas_thread()
def blur(volume: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """Blur a cube (n, n, n) along its three axes."""
    matrix = blur_matrix(len(volume), sigma)
    size = len(volume)
    along_z = matrix @ volume.reshape(size, -1)  # one product of all columns is fastest
    along_x = along_z.reshape(-1, size) @ matrix.T
    return np.asarray(matrix @ along_x.reshape(size, size, size))  # along y, for each z


@one_blas_thread()
def density_map(
    points_angstrom: NDArray[np.float32],
    masses_dalton: NDArray[np.float32],
    voxel_size_angstrom: float,
    resolution_angstrom: float,
    size: int | None = None,
) -> NDArray[np.float32]:
    """Density map of a structure: a cube with the origin of the points at index size // 2.

    Points are (n, 3), z, y, x, masses (n,); the resolution is two standard deviations of the blur
    in 3-D. By default the cube is the smallest that contains the blurred points. Returns float32,
    in dalton per nm^3.
    """
    points = points_angstrom / np.float32(voxel_size_angstrom)
    sigma = sigma_voxels(resolution_angstrom, voxel_size_angstrom)
    needed = 2 * (int(np.ceil(np.abs(points).max())) + blur_margin_voxels(sigma))
    size = needed if size is None else size
    if size < needed:
        raise ValueError(f"a cube of {size} voxels is too small: the structure needs {needed}")
    volume = blur(splat(points + np.float32(size // 2), masses_dalton, size), sigma)
    return volume / np.float32((voxel_size_angstrom / 10) ** 3)
