"""Segmentation of picked particles: the target at the middle of each subtomogram."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import nn

from ssn3d.core.cubes import nearest_voxels
from ssn3d.core.errors import DataError
from ssn3d.core.log import progress
from ssn3d.io.files import PathLike
from ssn3d.io.mrc_sections import Grid, new_sections
from ssn3d.io.resample import sample_known, step_between
from ssn3d.io.tomogram import Tomogram
from ssn3d.segmentation.inference.compute import Compute
from ssn3d.segmentation.inference.tiles import predict_cubes

MOST_PARTICLES = 65_535
"""Labels of an MRC file of 16-bit integers."""


@dataclass(frozen=True)
class Targets:
    """Which voxels of a tomogram are whose."""

    instances: NDArray[np.uint16]
    """(z, y, x): i where particle i is (its row, from 1), 0 elsewhere."""
    voxels: NDArray[np.int_]
    """(n,) number of voxels of each particle."""


def segment_targets(
    tomogram: Tomogram,
    centres: NDArray[np.float64],
    network: nn.Module,
    compute: Compute,
    *,
    voxel_size_angstrom: float,
    size_voxels: int,
    threshold: float,
) -> Targets:
    """Segment the particle at each centre; a voxel that two claim is that of the nearer centre.

    Args:
        tomogram: mirrored beyond its borders.
        centres: (n, 3), (z, y, x) in its voxels, the centre of the first being 0.
        network: trained to segment the centred particle; placed by `compute`.
        compute: device and precision.
        voxel_size_angstrom: the network's.
        size_voxels: edge of its subtomograms.
        threshold: probability from which a voxel is the particle's.

    Raises:
        DataError: a centre is outside of the tomogram, or there are too many.
    """
    _check_centres(tomogram, centres)
    step = step_between(tomogram.grid.voxel_size_angstrom, voxel_size_angstrom)
    middles = nearest_voxels(centres) if step == 1 else centres
    instances = np.zeros(tomogram.grid.shape, np.uint16)
    corners = middles - step * (size_voxels // 2)
    cubes = (sample_known(tomogram, corner, step, size_voxels) for corner in corners)
    found = progress(predict_cubes(network, cubes, compute), "segment", len(centres))
    for row, (corner, probability) in enumerate(zip(corners, found, strict=True)):
        first, on_grid = _to_voxels(probability, corner, step)
        _claim(instances, first, on_grid >= threshold, row, centres)
    voxels = np.zeros(len(centres) + 1, np.int_)
    for section in instances:  # of all at once, bincount would need eight bytes a voxel
        voxels += np.bincount(section.ravel(), minlength=len(voxels))
    return Targets(instances, voxels[1:])


def _check_centres(tomogram: Tomogram, centres: NDArray[np.float64]) -> None:
    """Raise DataError where a centre is outside of the tomogram, or there are too many."""
    if len(centres) > MOST_PARTICLES:
        raise DataError(f"{len(centres)} particles; give at most {MOST_PARTICLES} at a time")
    nearest, shape = nearest_voxels(centres), np.array(tomogram.grid.shape)
    inside = ((nearest >= 0) & (nearest < shape)).all(axis=1)
    if not inside.all():
        row = int(np.argmin(inside))
        z, y, x = centres[row]
        raise DataError(
            f"particle {row + 1} at x {x:.1f}, y {y:.1f}, z {z:.1f} and {np.sum(~inside) - 1} more "
            f"are outside of {tomogram.path}; check their voxel size, or remove them"
        )


def _to_voxels(
    probability: NDArray[np.float32], corner: NDArray[np.floating], step: float
) -> tuple[NDArray[np.int_], NDArray[np.float32]]:
    """Bring a sampled cube to the tomogram's voxels, linearly: the first voxel, and a cube."""
    if step == 1:
        return corner.astype(int), probability
    size = len(probability)
    first = np.ceil(corner).astype(int)
    for start, low in zip(corner, first, strict=True):
        points = (np.arange(low, int(start + step * (size - 1)) + 1) - start) / step
        weights = np.clip(1 - np.abs(points[:, None] - np.arange(size)), 0, None)
        probability = np.tensordot(probability, weights.astype(np.float32), axes=(0, 1))
    return first, probability


def _claim(
    instances: NDArray[np.uint16],
    first: NDArray[np.int_],
    mask: NDArray[np.bool_],
    row: int,
    centres: NDArray[np.float64],
) -> None:
    """Label a mask, whose first voxel is `first`, except where another centre is nearer."""
    low = np.maximum(first, 0)
    high = np.minimum(first + mask.shape, instances.shape)
    mask = mask[tuple(map(slice, low - first, high - first))]
    region = instances[tuple(map(slice, low, high))]
    disputed = mask & (region > 0)
    voxels = np.argwhere(disputed) + low
    ours = ((voxels - centres[row]) ** 2).sum(axis=1)
    theirs = ((voxels - centres[region[disputed].astype(int) - 1]) ** 2).sum(axis=1)
    mask = mask.copy()
    mask[disputed] = ours < theirs
    region[mask] = row + 1


def write_instances(tomogram: Tomogram, targets: Targets, folder: PathLike) -> Path:
    """Write {folder}/NAME_instances.mrc on the tomogram's own grid."""
    path = Path(folder) / f"{tomogram.name}_instances.mrc"
    with new_sections(path, tomogram.grid, np.uint16, "ssn3d: label i is row i") as file:
        file.write(targets.instances)
    return path


def write_masked(
    tomogram: Tomogram,
    centres: NDArray[np.float64],
    targets: Targets,
    folder: PathLike,
    edge_angstrom: float,
) -> Path:
    """Write each particle as {folder}/NAME_masked/00001.mrc, ...: a cube, 0 outside of its mask.

    Cubes are on the tomogram's own grid, about `edge_angstrom` wide, the voxel nearest to the
    centre being voxel size // 2. Protein is negative, and the cube had mean 0 and standard
    deviation 1 before it was masked.
    """
    masked = Path(folder) / f"{tomogram.name}_masked"
    size = 2 * round(edge_angstrom / tomogram.grid.voxel_size_angstrom / 2)
    for row, corner in enumerate(nearest_voxels(centres) - size // 2):
        cube = tomogram.box(tuple(corner.tolist()), (size, size, size))
        cube = (cube - cube.mean()) / (cube.std() or 1.0)
        mask = np.zeros(cube.shape, np.bool_)
        low, high = np.maximum(corner, 0), np.minimum(corner + size, tomogram.grid.shape)
        own = targets.instances[tuple(map(slice, low, high))] == row + 1
        mask[tuple(map(slice, low - corner, high - corner))] = own
        grid = Grid(cube.shape, tomogram.grid.voxel_size_angstrom)
        with new_sections(masked / f"{row + 1:05d}.mrc", grid, np.float32, "ssn3d: masked") as file:
            file.write(cube * mask)
    return masked
