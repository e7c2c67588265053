"""Segmentation of a whole tomogram into particles and background, on the tomogram's grid."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import nn

from ssn3d.core.errors import DataError
from ssn3d.io.files import PathLike
from ssn3d.io.mrc import new_sections
from ssn3d.io.resample import resample_sections, sample_known, sampled_length, step_between
from ssn3d.io.tomogram import Tomogram
from ssn3d.segmentation.inference.compute import Compute
from ssn3d.segmentation.inference.tiles import probability_slabs

SMALLEST_EDGE_VOXELS = 8
"""Smallest edge of a tomogram in the network's voxels; one thinner than a tile is mirrored."""


@dataclass(frozen=True)
class Found:
    """Files of a segmented tomogram, and their statistics."""

    probability: Path
    labels: Path
    fraction: float
    """Fraction of voxels that are labelled."""
    highest: float
    """Highest probability."""


def segment_tomogram(
    tomogram: Tomogram,
    network: nn.Module,
    compute: Compute,
    folder: PathLike,
    *,
    voxel_size_angstrom: float,
    threshold: float,
) -> Found:
    """Write {folder}/NAME_probability.mrc, from 0 to 1, and NAME_labels.mrc, 0 and 1.

    Args:
        tomogram: tomogram; NAME is its name.
        network: network for target `all`, placed by `compute`.
        compute: device and precision.
        folder: output folder, made if missing.
        voxel_size_angstrom: voxel size of the network.
        threshold: minimum probability of a labelled voxel.

    Raises:
        DataError: the tomogram is thinner than 8 of the network's voxels.
        WriteError: a file cannot be written; neither is left.
    """
    step = step_between(tomogram.grid.voxel_size_angstrom, voxel_size_angstrom)
    first, stop = tomogram.found.first, tomogram.found.stop
    shape = (stop[0] - first[0], stop[1] - first[1], stop[2] - first[2])
    z, y, x = (sampled_length(length, step) for length in shape)
    _check_extent(tomogram, (z, y, x), voxel_size_angstrom)

    def box(corner: tuple[int, int, int], size: int) -> NDArray[np.float32]:
        start = tuple(low + step * at for low, at in zip(first, corner, strict=True))
        return sample_known(tomogram, start, step, size)

    slabs = probability_slabs(network, box, (z, y, x), compute)
    start, grid = Path(folder) / tomogram.name, tomogram.grid
    paths = {what: Path(f"{start}_{what}.mrc") for what in ("probability", "labels")}
    with (
        new_sections(paths["labels"], grid, np.int8, "ssn3d: 1 is structure") as labels,
        new_sections(paths["probability"], grid, np.float32, "ssn3d: P(structure)") as probability,
    ):
        for slab in _on_whole_grid(tomogram, resample_sections(slabs, step, shape)):
            probability.write(slab)
            labels.write(slab >= threshold)
    fraction = labels.total / float(np.prod(grid.shape))
    return Found(**paths, fraction=fraction, highest=max(probability.extremes))


def _on_whole_grid(
    tomogram: Tomogram, slabs: Iterable[NDArray[np.float32]]
) -> Iterator[NDArray[np.float32]]:
    """Yield all sections (1, y, x) of the tomogram, from those of its data; 0 in all padding."""
    depth, height, width = tomogram.grid.shape
    first, stop = tomogram.found.first, tomogram.found.stop
    empty = np.zeros((1, height, width), np.float32)
    yield from [empty] * first[0]
    sections = (section for slab in slabs for section in slab)
    for z, section in enumerate(sections, first[0]):
        whole = np.zeros((1, height, width), np.float32)
        whole[:, first[1] : stop[1], first[2] : stop[2]] = section
        data = tomogram.is_data(slice(z, z + 1))
        yield whole if data is None else whole * data
    yield from [empty] * (depth - stop[0])


def _check_extent(
    tomogram: Tomogram, shape: tuple[int, int, int], voxel_size_angstrom: float
) -> None:
    """Raise DataError if a tomogram is too thin."""
    if min(shape) < SMALLEST_EDGE_VOXELS:
        z, y, x = shape
        raise DataError(
            f"{tomogram.path}: {x}x{y}x{z} voxels at the network's voxel size of "
            f"{voxel_size_angstrom:g} A, fewer than {SMALLEST_EDGE_VOXELS} along an axis; if its "
            f"voxel size is not {tomogram.grid.voxel_size_angstrom:g} A, give --voxel-size"
        )
