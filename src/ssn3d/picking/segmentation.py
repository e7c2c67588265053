"""Particles of a segmentation: its connected regions, split where particles touch.

A region is split at the necks of its shape: the maxima of the distance to its surface are its
particles, as far as each rises above the necks to the others, and a watershed divides it.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.morphology import h_maxima
from skimage.segmentation import watershed

from ssn3d.errors import DataError
from ssn3d.log import progress
from ssn3d.picking.blocks import Block, Read, blocks

Kind = Literal["probability", "labels", "classes"]
"""Probabilities or a mask; a label for each particle; a label for each class of particles."""

_SMOOTHING_ANGSTROM = 7.0
"""Width of the Gaussian that smooths distances: they are rough by a voxel."""
_NECK_ANGSTROM = 10.0
"""By how much a particle's largest inner radius exceeds that of its neck to another."""
_LARGEST_RADIUS_ANGSTROM = 320.0
_CORE_VOXELS = 160
_MOST_CLASSES = 64
"""More labels than that are of particles."""
_LIKE_LARGEST = 0.25
_EVERYWHERE = np.ones((3, 3, 3))


@dataclass(frozen=True)
class Regions:
    """Particles of a segmentation."""

    centres: NDArray[np.float64]
    """(n, 3) centres of gravity, in voxels."""
    scores: NDArray[np.float64]
    """(n,) mean probability; 1 for labels."""
    volumes_angstrom3: NDArray[np.float64]
    """(n,)"""


@dataclass(frozen=True)
class _Volume:
    """What is known of the volume and its particles."""

    shape: tuple[int, ...]
    voxel_size_angstrom: float
    smallest_voxels: float


@dataclass(frozen=True)
class Values:
    """What the values of a segmentation mean."""

    kind: Kind
    scale: float = 1.0
    """Value that stands for a probability of 1: 255 in a mask of 0 and 255."""


def values_of(
    read: Read,
    shape: tuple[int, ...],
    voxel_size_angstrom: float,
    smallest_diameter_angstrom: float,
) -> Values:
    """Find out what the values of a volume mean.

    A single value above 0 makes a mask, values up to 1 are probabilities. Whole numbers are labels:
    of particles, or of classes if most have several separate parts of a particle's size.

    Raises DataError where it holds something else, NaN included.
    """
    lowest, highest, whole = np.inf, -np.inf, True
    above: set[float] = set()
    for z in range(shape[0]):
        plane = read((slice(z, z + 1), slice(None), slice(None)))
        if not np.isfinite(plane).all():
            raise DataError("the segmentation holds NaN or infinity; make it again")
        lowest, highest = min(lowest, float(plane.min())), max(highest, float(plane.max()))
        whole = whole and bool((plane == np.round(plane)).all())
        if whole and len(above) <= _MOST_CLASSES:
            above |= set(np.unique(plane[plane > 0]).tolist())
    if lowest >= 0 and highest <= 1:
        return Values("probability")
    if lowest < 0 or not whole:
        raise DataError(
            f"its values are {lowest:.4g} to {highest:.4g}, neither probabilities (0 to 1) nor "
            "labels; give a segmentation, or pick with --method dog"
        )
    if len(above) == 1:
        return Values("probability", highest)
    smallest = _sphere_voxels(smallest_diameter_angstrom, voxel_size_angstrom)
    if len(above) <= _MOST_CLASSES and _are_classes(read, shape, len(above), smallest):
        return Values("classes")
    return Values("labels")


def _are_classes(read: Read, shape: tuple[int, ...], labels: int, smallest_voxels: float) -> bool:
    """Whether labels have, on average, at least two separate parts within a block.

    Parts smaller than a particle, or than a quarter of the label's largest, do not count.
    """
    further = 0
    for block in blocks(shape, (_CORE_VOXELS,) * 3, 0):
        values = read(block.core).astype(np.int32)
        for number, box in enumerate(ndimage.find_objects(values), 1):
            if box is not None:
                sizes = np.bincount(ndimage.label(values[box] == number)[0].ravel())[1:]
                fewest = max(smallest_voxels, _LIKE_LARGEST * sizes.max())
                further += max(int((sizes >= fewest).sum()) - 1, 0)
    return further >= labels


def _sphere_voxels(diameter_angstrom: float, voxel_size_angstrom: float) -> float:
    """Volume of a sphere in voxels."""
    return np.pi / 6 * (diameter_angstrom / voxel_size_angstrom) ** 3


def find_regions(
    read: Read,
    shape: tuple[int, ...],
    voxel_size_angstrom: float,
    *,
    threshold: float,
    smallest_diameter_angstrom: float,
    values: Values,
) -> Regions:
    """Find the particles of a segmentation (z, y, x), block by block.

    Args:
        read: reads part of it.
        shape: of the volume.
        voxel_size_angstrom: of the volume.
        threshold: least probability of a particle's voxels.
        smallest_diameter_angstrom: regions with less volume than such a sphere are dropped.
        values: each label is a particle, or the regions of probability or of classes are split.
    """
    halo = int(np.clip(_LARGEST_RADIUS_ANGSTROM / voxel_size_angstrom, 16, 64))
    smallest = _sphere_voxels(smallest_diameter_angstrom, voxel_size_angstrom)
    volume = _Volume(shape, voxel_size_angstrom, smallest)
    rows: list[tuple[NDArray[np.float64], float, int]] = []
    pieces = list(blocks(shape, (_CORE_VOXELS,) * 3, halo))
    for block in progress(pieces, "segmentation"):
        voxels = read(block.halo)
        if values.kind == "labels":
            rows += _of_labels(voxels, block, volume)
        elif values.kind == "classes":
            for number in np.unique(voxels[voxels > 0]):
                mask = voxels == number
                rows += _of_mask(mask, mask, block, volume)
        else:
            probability = voxels / np.float32(values.scale)
            rows += _of_mask(probability >= threshold, probability, block, volume)
    centres = np.array([row[0] for row in rows]).reshape(-1, 3)
    scores = np.array([row[1] for row in rows], dtype=float)
    volumes = np.array([row[2] for row in rows], dtype=float) * voxel_size_angstrom**3
    order = np.lexsort((-volumes, -scores))
    return Regions(centres[order], scores[order], volumes[order])


def _of_labels(
    values: NDArray[np.float32], block: Block, volume: _Volume
) -> list[tuple[NDArray[np.float64], float, int]]:
    """Particles of a block of labels with their centres in its core: centre, score, voxels."""
    labels = values.astype(np.int32)
    found = []
    for number, box in enumerate(ndimage.find_objects(labels), 1):
        if box is None or not _meets_core(box, block):
            continue
        inside = labels[box] == number
        found += _own(inside, _corner(box), np.ones(inside.shape), block, volume)
    return found


def _of_mask(
    mask: NDArray[np.bool_],
    values: NDArray[Any],
    block: Block,
    volume: _Volume,
) -> list[tuple[NDArray[np.float64], float, int]]:
    """Particles of a block's mask with their centres in its core: centre, score, voxels."""
    labels, count = ndimage.label(mask)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    found = []
    for number, box in enumerate(ndimage.find_objects(labels), 1):
        if sizes[number] < volume.smallest_voxels or not _meets_core(box, block):
            continue
        parts = _split(labels[box] == number, volume.voxel_size_angstrom)
        for part, place in enumerate(ndimage.find_objects(parts), 1):
            inside = parts[place] == part
            corner = _corner(box) + _corner(place)
            found += _own(inside, corner, values[box][place], block, volume)
    return found


def _split(region: NDArray[np.bool_], voxel_size_angstrom: float) -> NDArray[np.int32]:
    """Divide a connected region at its necks: parts numbered from 1."""
    padded = np.pad(region, 1)
    distance = ndimage.distance_transform_edt(padded)
    smoothed = ndimage.gaussian_filter(distance, _SMOOTHING_ANGSTROM / voxel_size_angstrom)
    smoothed[~padded] = 0
    highest = ndimage.maximum_filter(smoothed, 3) == smoothed
    _, summits = ndimage.label(highest & padded, _EVERYWHERE)
    if summits > 1:
        neck = _NECK_ANGSTROM / voxel_size_angstrom
        highest = h_maxima(smoothed, neck) > 0  # type: ignore[no-untyped-call]
        markers, summits = ndimage.label(highest & padded, _EVERYWHERE)
    if summits <= 1:
        return region.astype(np.int32)
    parts: NDArray[Any] = watershed(-smoothed, markers, mask=padded)  # type: ignore[no-untyped-call]
    return parts[1:-1, 1:-1, 1:-1].astype(np.int32)


def _own(
    inside: NDArray[np.bool_],
    corner: NDArray[np.int_],
    values: NDArray[Any],
    block: Block,
    volume: _Volume,
) -> list[tuple[NDArray[np.float64], float, int]]:
    """Give one part, if it is large enough and its centre is in the block's core."""
    voxels = np.argwhere(inside)
    centre = voxels.mean(axis=0) + corner + block.start
    if len(voxels) < volume.smallest_voxels or not block.owns(centre[None])[0]:
        return []
    if _is_centred_outside(inside, corner + block.start, volume.shape):
        return []
    return [(centre, float(values[inside].mean(dtype=np.float64)), len(voxels))]


def _is_centred_outside(
    inside: NDArray[np.bool_], corner: NDArray[np.int_], shape: tuple[int, ...]
) -> bool:
    """Whether a part is widest at the volume's border, as one whose centre lies beyond."""
    for axis in range(3):
        others = tuple(other for other in range(3) if other != axis)
        areas = inside.sum(axis=others)
        starts, ends = corner[axis] == 0, corner[axis] + len(areas) == shape[axis]
        widest = areas.max()
        if (starts and areas[0] == widest) or (ends and areas[-1] == widest):
            return True
    return False


def _corner(box: tuple[slice, ...]) -> NDArray[np.int_]:
    """First voxel of a box."""
    return np.array([axis.start for axis in box])


def _meets_core(box: tuple[slice, ...], block: Block) -> bool:
    """Whether a box of the halo shares voxels with the core."""
    axes = zip(box, block.halo, block.core, strict=True)
    return all(
        b.start + h.start < core.stop and b.stop + h.start > core.start for b, h, core in axes
    )
