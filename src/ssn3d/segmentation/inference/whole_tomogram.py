"""Segmentation of a whole tomogram into the classes of a network, on the tomogram's grid."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import nn

from ssn3d.core.classes import (
    BACKGROUND,
    CLASSES,
    MACROMOLECULE,
    labels_title,
    probability_title,
)
from ssn3d.core.errors import DataError
from ssn3d.core.log import progress
from ssn3d.core.standard import (
    BLOCK_VOXELS,
    Standardised,
    block_parts,
    scale_of_blocks,
    standardise_volume,
)
from ssn3d.io.files import PathLike
from ssn3d.io.mrc import Grid, new_sections
from ssn3d.io.resample import resample_sections, sample_known, sampled_length, step_between
from ssn3d.io.tomogram import Tomogram
from ssn3d.measure.vacuum import Vacuum
from ssn3d.segmentation.inference.compute import Compute
from ssn3d.segmentation.inference.tiles import Box, probability_slabs

_MACROMOLECULE = CLASSES[MACROMOLECULE]
SMALLEST_EDGE_VOXELS = 8
"""Smallest edge of a tomogram in the network's voxels; one thinner than a tile is mirrored."""


@dataclass(frozen=True)
class Found:
    """Files of a segmented tomogram, and their statistics."""

    probability: Path
    """Probability of macromolecule."""
    labels: Path
    others: tuple[Path, ...]
    """Probabilities of other classes."""
    shares: dict[str, float]
    """Fraction of the voxels that have the label of each class but the background."""
    highest: float
    """Highest probability of macromolecule."""

    @property
    def fraction(self) -> float:
        """Fraction of the voxels that are macromolecule."""
        return self.shares[_MACROMOLECULE]


def segment_tomogram(
    tomogram: Tomogram,
    network: nn.Module,
    compute: Compute,
    folder: PathLike,
    *,
    voxel_size_angstrom: float,
    threshold: float,
    classes: Sequence[str] = CLASSES[:2],
    standardised: Standardised = "tile",
    others: Collection[str] = (),
    vacuum: Vacuum | None = None,
) -> Found:
    """Write {folder}/NAME_probability.mrc, from 0 to 1, and NAME_labels.mrc.

    A voxel has the label of its most probable class, the background aside, if that has the minimum
    probability, and else 0. Labels are the places of the classes in `CLASSES`.

    The network is for target `all`, placed by `compute`, has its own voxel size, and the background
    as its first class. Each tile is standardised by itself, or the tomogram (`core.standard`). The
    probabilities of `others`, too, are written, to NAME_{class}_probability.mrc. In the vacuum all
    are 0; tiles that it holds are skipped.

    Raises:
        DataError: the tomogram is thinner than 8 of the network's voxels, or the network has other
            classes.
        WriteError: a file cannot be written; none is left.
    """
    step = step_between(tomogram.grid.voxel_size_angstrom, voxel_size_angstrom)
    first, stop = tomogram.found.first, tomogram.found.stop
    shape = (stop[0] - first[0], stop[1] - first[1], stop[2] - first[2])
    z, y, x = (sampled_length(length, step) for length in shape)
    _check_extent(tomogram, (z, y, x), voxel_size_angstrom)

    def box(corner: tuple[int, int, int], size: int) -> NDArray[np.float32]:
        start = tuple(low + step * at for low, at in zip(first, corner, strict=True))
        return sample_known(tomogram, start, step, size)

    read = box if standardised == "tile" else _standardised(box, (z, y, x))

    def specimen(corner: tuple[int, int, int], size: int) -> NDArray[np.float32]:
        start = [low + step * at for low, at in zip(first, corner, strict=True)]
        if vacuum and vacuum.holds(tuple(start), tuple(at + step * size for at in start)):
            return np.full((size, size, size), np.nan, np.float32)
        return read(corner, size)

    slabs = probability_slabs(
        *(network, specimen, (z, y, x), compute), classes=len(classes), standardised=standardised
    )
    sections = resample_sections(slabs, step, shape)
    whole = _on_whole_grid(tomogram, sections, len(classes) - 1, vacuum)
    prefix = Path(folder) / tomogram.name
    return _write(prefix, tomogram.grid, whole, (classes, others), threshold)


def _standardised(box: Box, shape: tuple[int, int, int]) -> Box:
    """Standardise what a box reads by the whole volume (z, y, x), in the network's voxels."""
    corners = [tuple(axis.start for axis in part) for part in block_parts(shape)]
    blocks = progress((box(corner, BLOCK_VOXELS) for corner in corners), "contrast", len(corners))
    standard = scale_of_blocks(blocks)
    return lambda corner, size: standardise_volume(box(corner, size), standard)


def _write(
    prefix: Path,
    grid: Grid,
    sections: Iterable[NDArray[np.float32]],
    names: tuple[Sequence[str], Collection[str]],
    threshold: float,
) -> Found:
    """Write labels and probabilities from those of all classes but the background.

    `names` are the classes, and those of which the probability is written besides macromolecule.
    """
    classes, others = names
    foreground = classes[1:]
    numbers = np.array([CLASSES.index(name) for name in foreground], np.int8)
    counts = np.zeros(len(CLASSES), np.int64)
    paths = {_MACROMOLECULE: Path(f"{prefix}_probability.mrc")}
    for name in foreground[1:]:
        if name in others:
            paths[name] = Path(f"{prefix}_{name}_probability.mrc")
    with ExitStack() as stack:
        labels_path = Path(f"{prefix}_labels.mrc")
        labels = stack.enter_context(
            new_sections(labels_path, grid, np.int8, labels_title(classes))
        )
        files = {
            name: stack.enter_context(new_sections(path, grid, np.float32, probability_title(name)))
            for name, path in paths.items()
        }
        for slab in sections:  # (n, classes - 1, y, x)
            best = slab.argmax(axis=1)
            numbered = numbers[best]
            numbered[slab.max(axis=1) < threshold] = BACKGROUND
            labels.write(numbered)
            counts += np.bincount(numbered.ravel(), minlength=len(CLASSES))
            for name, file in files.items():
                file.write(slab[:, foreground.index(name)])
    return Found(
        paths.pop(_MACROMOLECULE),
        labels_path,
        tuple(paths.values()),
        shares={name: counts[CLASSES.index(name)] / np.prod(grid.shape) for name in foreground},
        highest=max(files[_MACROMOLECULE].extremes),
    )


def _on_whole_grid(
    tomogram: Tomogram,
    slabs: Iterable[NDArray[np.float32]],
    channels: int,
    vacuum: Vacuum | None,
) -> Iterator[NDArray[np.float32]]:
    """Yield all sections (1, channels, y, x) from those of the data; 0 in padding and vacuum."""
    depth, height, width = tomogram.grid.shape
    first, stop = tomogram.found.first, tomogram.found.stop
    empty = np.zeros((1, channels, height, width), np.float32)
    yield from [empty] * first[0]
    sections = (section for slab in slabs for section in slab)
    for z, section in enumerate(sections, first[0]):
        whole = np.zeros_like(empty)
        whole[..., first[1] : stop[1], first[2] : stop[2]] = section
        part = (slice(z, z + 1), slice(0, height), slice(0, width))
        data = vacuum.is_specimen(part) if vacuum else tomogram.is_data(part)
        yield whole if data is None else whole * data
    yield from [empty] * (depth - stop[0])


def _check_extent(
    tomogram: Tomogram, shape: tuple[int, int, int], voxel_size_angstrom: float
) -> None:
    if min(shape) < SMALLEST_EDGE_VOXELS:
        z, y, x = shape
        raise DataError(
            f"{tomogram.path}: {x}x{y}x{z} voxels at the network's voxel size of "
            f"{voxel_size_angstrom:g} A, fewer than {SMALLEST_EDGE_VOXELS} along an axis; if its "
            f"voxel size is not {tomogram.grid.voxel_size_angstrom:g} A, give --voxel-size"
        )
