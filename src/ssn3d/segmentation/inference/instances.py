"""Instance segmentation of picked particles: the particle at the centre of each subtomogram."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import nn

from ssn3d.core.cubes import lies_inside, nearest_voxels
from ssn3d.core.errors import DataError
from ssn3d.core.log import progress
from ssn3d.io.files import PathLike
from ssn3d.io.mrc import Grid, new_sections
from ssn3d.io.resample import sample_known, step_between
from ssn3d.io.tomogram import Tomogram
from ssn3d.segmentation.inference.compute import Compute
from ssn3d.segmentation.inference.tiles import predict_cubes

MOST_PARTICLES = 65_535
"""Largest label of an MRC file of 16-bit integers."""


@dataclass(frozen=True)
class Targets:
    """Instance segmentation of a tomogram."""

    instances: NDArray[np.uint16]
    """(z, y, x): i in the voxels of particle i (its row, from 1), 0 elsewhere."""
    voxels: NDArray[np.int_]
    """(n,) numbers of voxels of the particles."""


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
    """Segment the particle at each centre; where two overlap, the nearer centre has the voxel.

    Centres (n, 3), z, y, x, are in voxels of the tomogram, which is mirrored beyond its borders.
    The network, for target `centred` and placed by `compute`, has its own voxel size and size of
    subtomograms. The threshold is the minimum probability of a particle's voxels.

    Raises DataError if a centre is outside of the tomogram, or there are too many.
    """
    _check_centres(tomogram, centres)
    step = step_between(tomogram.grid.voxel_size_angstrom, voxel_size_angstrom)
    middles = nearest_voxels(centres) if step == 1 else centres
    instances = np.zeros(tomogram.grid.shape, np.uint16)
    corners = middles - step * (size_voxels // 2)
    cubes = (sample_known(tomogram, corner, step, size_voxels) for corner in corners)
    found = progress(predict_cubes(network, cubes, compute), "segment", len(centres))
    for row, (corner, probability) in enumerate(zip(corners, found, strict=True)):
        first, on_grid = _to_voxels(probability[0], corner, step)
        _claim(instances, first, on_grid >= threshold, row, centres)
    voxels = np.zeros(len(centres) + 1, np.int_)
    for section in instances:  # for the whole, bincount would need eight bytes a voxel
        voxels += np.bincount(section.ravel(), minlength=len(voxels))
    return Targets(instances, voxels[1:])


def _check_centres(tomogram: Tomogram, centres: NDArray[np.float64]) -> None:
    if len(centres) > MOST_PARTICLES:
        raise DataError(f"{len(centres)} particles; give at most {MOST_PARTICLES} at a time")
    inside = lies_inside(centres, 1, tomogram.grid.shape)
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
    """Interpolate a sampled cube linearly at the tomogram's voxels: first voxel, and values."""
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
    """Label the voxels of a mask, which begins at `first`, unless another centre is nearer."""
    low = np.maximum(first, 0)
    high = np.minimum(first + mask.shape, instances.shape)
    mask = mask[tuple(map(slice, low - first, high - first))]
    region = instances[tuple(map(slice, low, high))]
    overlap = mask & (region > 0)
    voxels = np.argwhere(overlap) + low
    own = ((voxels - centres[row]) ** 2).sum(axis=1)
    other = ((voxels - centres[region[overlap].astype(int) - 1]) ** 2).sum(axis=1)
    mask = mask.copy()
    mask[overlap] = own < other
    region[mask] = row + 1


def write_instances(tomogram: Tomogram, targets: Targets, folder: PathLike) -> Path:
    """Write {folder}/NAME_instances.mrc on the tomogram's grid."""
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
    """Write cubes {folder}/NAME_masked/00001.mrc, ..., each 0 outside of its particle's mask.

    Cubes are on the tomogram's grid, about `edge_angstrom` wide; their voxel size // 2 is the one
    nearest to the centre. Protein is negative; the unmasked cube has mean 0 and standard deviation
    1. Cubes of higher numbers, of an earlier run, are deleted.
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
    for path in masked.glob("[0-9]*.mrc"):
        if path.stem.isdigit() and int(path.stem) > len(centres):
            path.unlink()
    return masked
