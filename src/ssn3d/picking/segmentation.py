"""Particles of a segmentation: its connected regions, split where particles touch.

Regions are split at their necks, by a watershed from those maxima of the distance to the surface
that rise enough above the necks. Each region is read whole, so that a particle is found once.
"""

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.morphology import h_maxima
from skimage.segmentation import watershed

from ssn3d.core.errors import DataError
from ssn3d.picking.blocks import Box, Read, blocks
from ssn3d.picking.components import find_components
from ssn3d.picking.labels import measure_labels

Kind = Literal["probability", "mask", "labels", "classes"]
"""`labels` has a label for each particle, `classes` a label for each class of particles."""

_Test = Callable[[NDArray[np.float32]], NDArray[np.bool_]]
"""Gives the voxels that belong to particles."""

_SMOOTHING_ANGSTROM = 7.0
"""Width of the Gaussian that smooths distances, which are rough by a voxel."""
_NECK_ANGSTROM = 10.0
"""Minimum difference of a particle's largest inner radius and that of its neck to another."""
_LEAST_COMPACT = 0.3
"""Part of a particle's volume that must be in the ball of equal volume. A sheet, or a rod eight
times as long as wide, has less, and is no particle."""
_SLAB_VOXELS = 16_000_000
_LARGEST_BOX_VOXELS = 32_000_000
"""Regions in larger boxes, which no particle has, are binned before they are split, to bound
memory."""
_LARGEST_LABEL = 2**24
"""Larger whole numbers are not exact in float32."""
_MOST_CLASSES = 64
"""With more labels than these, each is a particle."""
_MOST_BYTES, _SCATTERED = 255, 3.0
"""No more labels than these, with larger radii of gyration than this many of balls, are taken for
probabilities in 8 bits; a rod ten times as long as wide has three."""
_LIKE_LARGEST = 0.25
_CLASS_BLOCK_VOXELS = 160
_WITH_CORNERS = np.ones((3, 3, 3))


@dataclass(frozen=True)
class Regions:
    """Particles of a segmentation, best first."""

    centres: NDArray[np.float64]
    """(n, 3) centres of mass in voxels."""
    scores: NDArray[np.float64]
    """(n,) mean probability in the sphere of equal volume, in which voxels of other regions are 0
    (1 for labels of particles), times its diameter in angstrom."""
    diameters_angstrom: NDArray[np.float64]
    """(n,) of spheres of equal volume."""


@dataclass(frozen=True)
class Values:
    """Meaning of the values of a segmentation."""

    kind: Kind
    classes: tuple[float, ...] = ()
    """Labels of classes, in ascending order."""


def values_of(
    read: Read,
    shape: tuple[int, ...],
    voxel_size_angstrom: float,
    smallest_diameter_angstrom: float,
) -> Values:
    """Determine what the values of a volume (z, y, x) mean.

    A mask has one value above 0, a whole number, such as 1 or 255. Other whole numbers are labels:
    of classes if most have several separate parts of a particle's size, else of particles.

    Raises:
        DataError: other values, NaN included, or labels above 2^24.
    """
    lowest, highest, whole = np.inf, -np.inf, True
    above: set[float] = set()
    for z in range(shape[0]):
        plane = read((slice(z, z + 1), slice(None), slice(None)))
        if not np.isfinite(plane).all():
            raise DataError("the segmentation holds NaN or infinity; segment the tomogram again")
        lowest, highest = min(lowest, float(plane.min())), max(highest, float(plane.max()))
        whole = whole and bool((plane == np.round(plane)).all())
        if whole and len(above) <= _MOST_CLASSES:
            above |= set(np.unique(plane[plane > 0]).tolist())
    if lowest == 0 and whole and len(above) == 1:
        return Values("mask")
    if lowest >= 0 and highest <= 1:
        return Values("probability")
    if lowest < 0 or not whole:
        raise DataError(
            f"its values are {lowest:.4g} to {highest:.4g}, neither probabilities (0 to 1) nor "
            "labels; give a segmentation, or pick with --method dog"
        )
    if highest >= _LARGEST_LABEL:
        raise DataError(
            f"labels up to {highest:.0f} cannot be told apart in float32; number them from 1"
        )
    smallest = _sphere_voxels(smallest_diameter_angstrom, voxel_size_angstrom)
    if len(above) <= _MOST_CLASSES and _are_classes(read, shape, len(above), smallest):
        return Values("classes", tuple(sorted(above)))
    return Values("labels")


def _are_classes(read: Read, shape: tuple[int, ...], labels: int, smallest_voxels: float) -> bool:
    """True if labels have, on average, at least two separate parts within a block.

    Parts smaller than a particle, or than a quarter of the label's largest part, do not count.
    """
    further = 0
    for block in blocks(shape, (_CLASS_BLOCK_VOXELS,) * 3):
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
    largest_diameter_angstrom: float = np.inf,
    values: Values,
) -> Regions:
    """Find the particles of a segmentation (z, y, x).

    The bounding box of the largest connected region must fit in memory. Voxels of particles have
    the minimum probability `threshold`. Regions are dropped that have less or more volume than
    spheres of the smallest and the largest diameter. Only labels of particles are not split.

    Raises DataError if the labels of particles are scattered, as probabilities in 8 bits are.
    """
    smallest, largest = (
        _sphere_voxels(diameter, voxel_size_angstrom)
        for diameter in (smallest_diameter_angstrom, largest_diameter_angstrom)
    )
    if values.kind == "labels":
        labels = measure_labels(read, shape, _SLAB_VOXELS)
        count = len(labels.voxels)
        if _MOST_CLASSES < count <= _MOST_BYTES and np.median(labels.spreads) > _SCATTERED:
            raise DataError(
                f"its {count} labels are scattered, as probabilities in whole numbers are; divide "
                "them by their maximum"
            )
        kept = (labels.voxels >= smallest) & (labels.voxels <= largest) & ~labels.centred_outside
        centres, voxels = labels.centres[kept], labels.voxels[kept].astype(float)
        return _ranked(centres, np.ones(len(voxels)), voxels * voxel_size_angstrom**3)
    rows: list[tuple[float, ...]] = []  # centre (z, y, x), score, voxels
    for is_inside in _masks(values, threshold):
        for region, part, corner in _regions(read, is_inside, shape, smallest):
            for inside, place in _parts(region, voxel_size_angstrom):
                first = _corner(place) + corner
                count = int(np.count_nonzero(inside))
                if not smallest <= count <= largest or _is_centred_outside(inside, first, shape):
                    continue
                is_probability = values.kind == "probability"
                own = part[place] if is_probability else inside
                centre, compact, score = _measured(inside, own)
                if compact >= _LEAST_COMPACT:
                    rows.append((*(centre + first), score, count))
    table = np.array(rows, dtype=float).reshape(-1, 5)
    return _ranked(table[:, :3], table[:, 3], table[:, 4] * voxel_size_angstrom**3)


def _measured(
    inside: NDArray[np.bool_], probability: NDArray[np.generic]
) -> tuple[NDArray[np.float64], float, float]:
    """Measure a particle by the ball of its volume around its centre of mass.

    Returns:
        The centre, the part of the particle in the ball, and the mean probability in the ball, in
        which voxels that are not the particle's count as 0.
    """
    voxels = np.argwhere(inside)
    centre = voxels.mean(axis=0)
    radius = (3 / (4 * np.pi) * len(voxels)) ** (1 / 3) + 0.5  # surfaces are rough by half a voxel
    in_ball = ((voxels - centre) ** 2).sum(axis=1) <= radius**2
    own = probability[inside][in_ball].astype(np.float64)
    return centre, float(in_ball.mean()), float(own.sum()) / len(voxels)


def _regions(
    read: Read, is_inside: _Test, shape: tuple[int, ...], smallest_voxels: float
) -> Iterator[tuple[NDArray[np.bool_], NDArray[np.float32], NDArray[np.int_]]]:
    """Yield the connected regions of voxels that pass a test.

    Each is a mask in its bounding box, with the values there, and the box's first voxel.
    """
    components = find_components(
        lambda box: is_inside(read(box)),
        shape,
        slab_voxels=_SLAB_VOXELS,
        smallest_voxels=smallest_voxels,
    )
    for component in components:
        values = read(component.box)
        yield component.of(is_inside(values)), values, _corner(component.box)


def _masks(values: Values, threshold: float) -> Sequence[_Test]:
    """Tests for the voxels of particles: one, or one for each class."""
    if values.kind == "classes":
        return [functools.partial(np.equal, number) for number in values.classes]
    if values.kind == "mask":
        return [functools.partial(np.less, 0)]
    return [functools.partial(np.less_equal, threshold)]


def _ranked(
    centres: NDArray[np.float64], probabilities: NDArray[np.float64], volumes: NDArray[np.float64]
) -> Regions:
    """Sort regions by falling score, and position.

    Most false regions are small, and a network is sure of nearly all of them, so that probability
    times diameter ranks better than either.
    """
    diameters = np.asarray((6 / np.pi * volumes) ** (1 / 3))
    scores = probabilities * diameters
    order = np.lexsort((*centres.T[::-1], -scores))
    return Regions(centres[order], scores[order], diameters[order])


def _parts(
    region: NDArray[np.bool_], voxel_size_angstrom: float
) -> Iterator[tuple[NDArray[np.bool_], Box]]:
    """Split a connected region; yield the mask of each particle in its box, and the box."""
    binning = math.ceil((region.size / _LARGEST_BOX_VOXELS) ** (1 / 3))
    parts = _split(_binned(region, binning), voxel_size_angstrom * binning)
    if binning > 1:
        for axis, length in enumerate(region.shape):
            parts = parts.repeat(binning, axis).take(range(length), axis)
        parts[~region] = 0
    for number, place in enumerate(ndimage.find_objects(parts), 1):
        if place is not None:
            yield parts[place] == number, place


def _binned(region: NDArray[np.bool_], binning: int) -> NDArray[np.bool_]:
    """Bin a region: a binned voxel belongs to it if any of its voxels does."""
    for axis, length in enumerate(region.shape):
        if binning > 1:
            region = np.logical_or.reduceat(region, np.arange(0, length, binning), axis=axis)
    return region


def _split(region: NDArray[np.bool_], voxel_size_angstrom: float) -> NDArray[np.int32]:
    """Split a connected region at its necks into parts numbered from 1."""
    padded = np.pad(region, 1)
    distance = ndimage.distance_transform_edt(padded)
    smoothed = ndimage.gaussian_filter(distance, _SMOOTHING_ANGSTROM / voxel_size_angstrom)
    smoothed[~padded] = 0
    highest = ndimage.maximum_filter(smoothed, 3) == smoothed
    _, summits = ndimage.label(highest & padded, _WITH_CORNERS)
    if summits > 1:
        neck = _NECK_ANGSTROM / voxel_size_angstrom
        highest = h_maxima(smoothed, neck) > 0  # type: ignore[no-untyped-call]
        markers, summits = ndimage.label(highest & padded, _WITH_CORNERS)
    if summits <= 1:
        return region.astype(np.int32)
    parts: NDArray[Any] = watershed(-smoothed, markers, mask=padded)  # type: ignore[no-untyped-call]
    return parts[1:-1, 1:-1, 1:-1].astype(np.int32)


def _is_centred_outside(
    inside: NDArray[np.bool_], corner: NDArray[np.int_], shape: tuple[int, ...]
) -> bool:
    """True if a part is widest at the volume's border, so that its centre is outside."""
    for axis in range(3):
        others = tuple(other for other in range(3) if other != axis)
        areas = inside.sum(axis=others)
        starts, ends = corner[axis] == 0, corner[axis] + len(areas) == shape[axis]
        widest = areas.max()
        if (starts and areas[0] == widest) or (ends and areas[-1] == widest):
            return True
    return False


def _corner(box: Box) -> NDArray[np.int_]:
    """First voxel of a box."""
    return np.array([part.start for part in box])
