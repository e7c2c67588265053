"""Volumes and centres of labels, from their areas in all planes of a volume.

Areas are whole numbers, so the result is exact and does not depend on how the volume is cut.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssn3d.core.log import progress
from ssn3d.picking.blocks import Read, slabs


@dataclass(frozen=True)
class Labels:
    """Labels of a volume in ascending order."""

    centres: NDArray[np.float64]
    """(n, 3) centres of gravity, in voxels."""
    voxels: NDArray[np.int_]
    """(n,)"""
    centred_outside: NDArray[np.bool_]
    """(n,) True if a label is widest at the border of the volume, so that its centre is outside."""


def measure_labels(read: Read, shape: tuple[int, ...], slab_voxels: int) -> Labels:
    """Measure the labels above 0 of a volume (z, y, x), slab by slab."""
    rows: list[list[NDArray[np.int_]]] = [[], [], []]
    for slab in progress(slabs(shape, slab_voxels), "labels"):
        values = read(slab)
        where = np.nonzero(values)
        numbers, of_voxel = np.unique(values[where].astype(np.int64), return_inverse=True)
        for axis, length in enumerate(shape):
            planes = where[axis] + slab[axis].start
            areas = np.bincount(of_voxel * length + planes)
            filled = np.flatnonzero(areas)
            label = numbers[filled // length]
            rows[axis].append(np.stack([label, filled % length, areas[filled]]))
    axes = [_along(np.concatenate(rows[axis], axis=1), length) for axis, length in enumerate(shape)]
    voxels = axes[0][1]
    sums, outside = np.array([axis[0] for axis in axes]), [axis[2] for axis in axes]
    return Labels((sums / voxels).T, voxels, np.logical_or.reduce(outside))


def _along(
    rows: NDArray[np.int_], length: int
) -> tuple[NDArray[np.int_], NDArray[np.int_], NDArray[np.bool_]]:
    """Sums along one axis, from rows of label, plane and area (3, m).

    Returns:
        for each label the sum of its voxels' coordinates, their number, and True if its area is
        largest in the first or the last plane.
    """
    labels, owner = np.unique(rows[0], return_inverse=True)
    keys, slot = np.unique(owner * length + rows[1], return_inverse=True)
    areas, total, moment, widest = (
        np.zeros(n, dtype=np.int64) for n in (len(keys), *[len(labels)] * 3)
    )
    np.add.at(areas, slot, rows[2])  # a plane can be in several slabs
    owner, plane = keys // length, keys % length
    np.add.at(total, owner, areas)
    np.add.at(moment, owner, areas * plane)
    np.maximum.at(widest, owner, areas)
    at_border = (areas == widest[owner]) & ((plane == 0) | (plane == length - 1))
    return moment, total, np.isin(np.arange(len(labels)), owner[at_border])
