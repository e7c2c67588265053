"""Segmentation of a whole tomogram into particles and the rest, on its own grid."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import nn

from ssn3d.errors import DataError
from ssn3d.files import PathLike
from ssn3d.mrc_sections import new_sections
from ssn3d.own_tomogram import OwnTomogram
from ssn3d.rescale import resample_sections, sample_cube, sampled_length, step_between
from ssn3d.segmentation.compute import Compute
from ssn3d.segmentation.tiles import probability_slabs

SMALLEST_EDGE_VOXELS = 40
"""Of the network's voxels: one subtomogram."""


@dataclass(frozen=True)
class Found:
    """What a segmentation of a whole tomogram wrote."""

    probability: Path
    labels: Path
    fraction: float
    """Of the voxels that are structure."""
    highest: float
    """Of the probabilities."""


def segment_tomogram(
    tomogram: OwnTomogram,
    network: nn.Module,
    compute: Compute,
    folder: PathLike,
    *,
    voxel_size_angstrom: float,
    threshold: float,
) -> Found:
    """Write {folder}/NAME_probability.mrc, from 0 to 1, and NAME_labels.mrc, 0 and 1.

    Args:
        tomogram: NAME is its file's.
        network: trained to tell every particle from the ground; placed by `compute`.
        compute: device and precision.
        folder: made if there is none.
        voxel_size_angstrom: the network's.
        threshold: probability from which a voxel is structure.

    Raises:
        DataError: the tomogram is smaller than a subtomogram.
        WriteError: a file cannot be written; neither is left.
    """
    step = step_between(tomogram.grid.voxel_size_angstrom, voxel_size_angstrom)
    shape = tomogram.grid.shape
    z, y, x = (sampled_length(length, step) for length in shape)
    _check_extent(tomogram, (z, y, x), voxel_size_angstrom)

    def box(corner: tuple[int, int, int], size: int) -> NDArray[np.float32]:
        return sample_cube(tomogram, tuple(step * start for start in corner), step, size)

    slabs = probability_slabs(network, box, (z, y, x), compute)
    start, grid = Path(folder) / tomogram.name, tomogram.grid
    paths = {what: Path(f"{start}_{what}.mrc") for what in ("probability", "labels")}
    with (
        new_sections(paths["labels"], grid, np.int8, "ssn3d: 1 is structure") as labels,
        new_sections(paths["probability"], grid, np.float32, "ssn3d: P(structure)") as probability,
    ):
        for slab in resample_sections(slabs, step, shape):
            probability.write(slab)
            labels.write(slab >= threshold)
    fraction = labels.total / float(np.prod(shape))
    return Found(**paths, fraction=fraction, highest=max(probability.extremes))


def _check_extent(
    tomogram: OwnTomogram, shape: tuple[int, int, int], voxel_size_angstrom: float
) -> None:
    """Raise DataError where a tomogram is too small for a subtomogram."""
    if min(shape) < SMALLEST_EDGE_VOXELS:
        z, y, x = shape
        raise DataError(
            f"{tomogram.path}: {x}x{y}x{z} voxels of the network's {voxel_size_angstrom:g} A, "
            f"fewer than {SMALLEST_EDGE_VOXELS} along an axis; if its voxels are not of "
            f"{tomogram.grid.voxel_size_angstrom:g} A, give the true size with --voxel-size"
        )
