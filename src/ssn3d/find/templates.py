"""Comparison of candidates with the map of a target, in all orientations.

The score is the correlation coefficient over recorded frequencies, all shells weighted alike
(`averaging.align`), so that neither the contrast of the tomogram nor the amplitude of its CTF
matters. Frequencies end before the first zero of the CTF, beyond which its sign changes. Boxes are
binned to the voxels that this takes.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ssn3d.averaging.align import Aligner
from ssn3d.averaging.band import Reference
from ssn3d.averaging.masks import soft_sphere
from ssn3d.averaging.rotation_grid import even_rotations
from ssn3d.core.cubes import nearest_voxels
from ssn3d.core.seeds import generator
from ssn3d.io.tomogram import Tomogram
from ssn3d.structures.maps import density_map
from ssn3d.structures.structure import Structure

_VOXELS_OF_RESOLUTION = 3.0
"""Voxels per resolution of the binned boxes, unless the tomogram's are coarser."""
_BLUR_OF_RESOLUTION = 0.6
_MASK_MARGIN_VOXELS = 2.0
_COARSE_DEG, _FINE_DEG = 30.0, 15.0
_SHIFT_OF_DIAMETER = 0.35
_FINE_SHIFT_VOXELS = 1.5
_LOWEST_SHELL = 3
_MOST_BYTES = 500_000_000


@dataclass(frozen=True)
class Boxes:
    """Boxes of a tomogram around candidates."""

    images: NDArray[np.float32]
    """(n, s, s, s), protein bright."""
    offsets: NDArray[np.float64]
    """(n, 3) of the candidates from voxel s // 2, in voxels of the boxes."""
    middles: NDArray[np.float64]
    """(n, 3) voxels s // 2 in voxels of the tomogram."""


def compare_with_target(
    tomogram: Tomogram,
    centres: NDArray[np.float64],
    target: Structure,
    diameter_angstrom: float,
    resolution_angstrom: float,
    *,
    tilt_range_deg: tuple[float, float],
    threads: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Find the best pose of a target at candidates (n, 3), z, y, x in voxels.

    Detail finer than the resolution is not compared; tilts are the lowest and the highest.

    Returns centres (n, 3) of the target, and correlation coefficients (n,).
    """
    if not len(centres):
        return centres, np.empty(0)
    voxel = tomogram.grid.voxel_size_angstrom
    factor = max(1, int(resolution_angstrom / _VOXELS_OF_RESOLUTION / voxel))
    binned = factor * voxel
    blur = max(2 * binned, _BLUR_OF_RESOLUTION * resolution_angstrom)
    volume = density_map(target.points_angstrom, target.masses_dalton, binned, blur)
    size = len(volume)
    radius = float(np.linalg.norm(target.points_angstrom, axis=1).max()) / binned
    mask = soft_sphere(size, min(radius + _MASK_MARGIN_VOXELS, size / 2))
    reference, highest = Reference(volume), int(size * binned / resolution_angstrom)
    shells = max(_LOWEST_SHELL, highest // 2), max(_LOWEST_SHELL, highest)
    farthest = _SHIFT_OF_DIAMETER * diameter_angstrom / binned
    found, scores = np.empty(centres.shape), np.empty(len(centres))
    batches = max(1, int(np.ceil(len(centres) * 8.0 * size**3 / _MOST_BYTES)))
    for first in range(batches):
        rows = np.arange(first, len(centres), batches)  # each batch is like the others
        boxes = _cut(tomogram, centres[rows], size, factor)
        images, rng = boxes.images * mask, generator(0, "templates", target.pdb_id)
        aligner = partial(Aligner, images, tilt_range_deg=tilt_range_deg, threads=threads)
        coarse = aligner(shells[0], centres=boxes.offsets, max_shift_voxels=farthest).everywhere(
            reference, even_rotations(_COARSE_DEG, rng), 1.0
        )
        fine = aligner(shells[1], centres=coarse.shifts, max_shift_voxels=_FINE_SHIFT_VOXELS)
        poses = fine.everywhere(reference, even_rotations(_FINE_DEG, rng), 1.0)
        poses = fine.nearby(reference, poses, [(_FINE_DEG / 2, 0.7), (_FINE_DEG / 4, 0.35)])
        found[rows] = boxes.middles + factor * poses.shifts
        scores[rows] = poses.scores
    return found, scores


def _cut(tomogram: Tomogram, centres: NDArray[np.float64], size: int, factor: int) -> Boxes:
    """Cut boxes of size^3 voxels, each the mean of factor^3 voxels, around centres."""
    edge = size * factor
    starts = nearest_voxels(centres) - factor * (size // 2)
    images = np.empty((len(centres), size, size, size), np.float32)
    for image, start in zip(images, starts.tolist(), strict=True):
        box = tomogram.box(tuple(start), (edge,) * 3)
        image[:] = -box.reshape((size, factor) * 3).mean(axis=(1, 3, 5))
    middles = starts.astype(np.float64) + factor * (size // 2) + (factor - 1) / 2
    return Boxes(images, (centres - middles) / factor, middles)
