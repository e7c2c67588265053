"""Connected components of a mask that is read slab by slab.

A component that crosses slabs is joined from its pieces, so the result does not depend on how the
volume is cut.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, sparse

from ssn3d.core.log import progress
from ssn3d.picking.blocks import Box, slabs

ReadMask = Callable[[Box], NDArray[np.bool_]]
"""Reads part of a mask (z, y, x)."""


@dataclass(frozen=True)
class Component:
    """A connected component; voxels are connected by their faces."""

    box: Box
    """Bounding box in the volume."""
    voxel: tuple[int, int, int]
    """A voxel that tells it from others in its box."""

    def of(self, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Select this component in the mask of its box."""
        labels, _ = ndimage.label(mask)
        own = labels[tuple(v - part.start for v, part in zip(self.voxel, self.box, strict=True))]
        return np.asarray(labels == own)


_Pieces = tuple[NDArray[np.int_], NDArray[np.int_]]
"""Parts of components in one slab: (n, 3, 3) the first voxel and the stop of the bounding box and a
voxel of the piece, in the volume; (n,) numbers of voxels."""


def find_components(
    read: ReadMask, shape: tuple[int, ...], *, slab_voxels: int, smallest_voxels: float
) -> list[Component]:
    """Components of a mask (z, y, x) with at least `smallest_voxels` voxels.

    They are sorted by the first voxels of their bounding boxes.
    """
    pieces: list[_Pieces] = []
    joints: list[NDArray[np.int_]] = []
    above: NDArray[np.int_] | None = None  # pieces in the last section of the previous slab, from 1
    count = 0
    for slab in progress(slabs(shape, slab_voxels), "segmentation"):
        labels = np.asarray(ndimage.label(read(slab))[0])
        found, numbers = _pieces(labels, slab[0].start, smallest_voxels)
        numbers = np.where(numbers > 0, numbers + count, 0)
        if above is not None:
            below = numbers[labels[0]]
            both = (above > 0) & (below > 0)
            joints.append(np.unique(np.stack([above[both], below[both]]), axis=1) - 1)
        above = numbers[labels[-1]]
        pieces.append(found)
        count += len(found[1])
    return _joined(pieces, joints, smallest_voxels)


def _pieces(
    labels: NDArray[Any], start: int, smallest_voxels: float
) -> tuple[_Pieces, NDArray[np.int_]]:
    """Pieces in a slab of labels, and each label's number among them (from 1, 0 if left out).

    Small pieces are left out unless they touch another slab.
    """
    sizes = np.bincount(labels.ravel())
    kept = sizes >= smallest_voxels
    kept[np.unique(labels[[0, -1]])] = True
    kept[0] = False
    boxes = ndimage.find_objects(labels)
    rows = []
    for number in np.flatnonzero(kept):
        box = boxes[number - 1]
        corner = [part.start for part in box]
        plane = labels[box][0] == number
        y, x = np.unravel_index(int(plane.argmax()), plane.shape)
        voxel = (corner[0], corner[1] + int(y), corner[2] + int(x))
        rows.append((corner, [part.stop for part in box], voxel))
    places = np.array(rows, dtype=int).reshape(-1, 3, 3) + np.array([start, 0, 0])
    return (places, sizes[kept]), np.where(kept, np.cumsum(kept), 0)


def _joined(
    pieces: list[_Pieces], joints: list[NDArray[np.int_]], smallest_voxels: float
) -> list[Component]:
    """Join pieces to components; `joints` are pairs (2, m) of pieces that touch."""
    firsts, ends, voxels = np.concatenate([places for places, _ in pieces]).swapaxes(0, 1)
    sizes = np.concatenate([of_slab for _, of_slab in pieces])
    one, other = np.concatenate([*joints, np.empty((2, 0), dtype=int)], axis=1)
    graph = sparse.coo_array((np.ones(len(one)), (one, other)), shape=(len(sizes), len(sizes)))
    count, owner = sparse.csgraph.connected_components(graph, directed=False)
    total = np.bincount(owner, sizes, minlength=count)
    first = np.full((count, 3), np.iinfo(int).max)
    end, voxel = np.zeros((2, count, 3), dtype=int)
    np.minimum.at(first, owner, firsts)
    np.maximum.at(end, owner, ends)
    voxel[owner] = voxels
    order = [i for i in np.lexsort(first.T[::-1]) if total[i] >= smallest_voxels]
    return [
        Component(tuple(map(slice, first[i].tolist(), end[i].tolist())), tuple(voxel[i].tolist()))
        for i in order
    ]
