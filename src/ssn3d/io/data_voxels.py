"""Voxels of a volume that hold data, as opposed to padding.

Constant borders, blank sections, and the corners that a rotation leaves empty are large connected
sets of exactly one repeated value, whatever that is. They are looked for in blocks of 8^3 voxels: a
block is suspect if a plane of 8x8 voxels in it is constant, and enough connected suspects of one
value are padding. Data of 8 bits repeat values too, but not over whole planes.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

_BLOCK_VOXELS = 8
_FEWEST_BLOCKS = 8
_LEAST_FRACTION = 1e-3
"""Padding is a connected set of at least this fraction of all blocks, and of eight blocks."""
_COMPACT = 0.5
_DEEP = 0.05
"""Data fill this fraction of their bounding box, or have this fraction of blocks with data on all
sides."""
_LEAST_NEIGHBOURS = 5.5 / 27
"""Fraction of neighbours with the same value around a voxel of padding; data have fewer."""
_EVERY_SIDE = np.ones((3, 3, 3), np.bool_)

Read = Callable[[tuple[slice, ...]], NDArray[np.float32]]


@dataclass(frozen=True)
class Padding:
    """Padding of a volume, looked up part by part."""

    read: Read
    """Reads part of the volume."""
    shape: tuple[int, int, int]
    """(z, y, x) of the volume."""
    values: NDArray[np.float32]
    """Value of the padding in and around each block, NaN if there is none."""

    def is_data(self, part: tuple[slice, ...]) -> NDArray[np.bool_] | None:
        """Return a mask of the voxels of a part (z, y, x) that hold data; None if all do.

        The slices of the part have start and stop, and no steps.
        """
        blocks = [slice(b.min(initial=0), b.max(initial=0) + 1) for b in self._blocks(part)]
        near = self.values[tuple(blocks)]
        if np.isnan(near).all():
            return None
        wider = tuple(
            slice(max(axis.start - 1, 0), min(axis.stop + 1, length))
            for axis, length in zip(part, self.shape, strict=True)
        )
        same = (self.read(wider) == self.values[np.ix_(*self._blocks(wider))]).astype(np.float32)
        often = ndimage.uniform_filter(same, 3, mode="nearest") > _LEAST_NEIGHBOURS
        inner = tuple(
            slice(axis.start - wide.start, axis.stop - wide.start)
            for axis, wide in zip(part, wider, strict=True)
        )
        data: NDArray[np.bool_] = ~((same > 0) & often)[inner]
        return data

    def _blocks(self, part: tuple[slice, ...]) -> list[NDArray[np.int_]]:
        """Return the index of the block of each voxel of a part, along z, y and x."""
        return [
            np.minimum(np.arange(axis.start, axis.stop) // _BLOCK_VOXELS, count - 1)
            for axis, count in zip(part, self.values.shape, strict=True)
        ]


def find_padding(read: Read, shape: tuple[int, int, int]) -> Padding | None:
    """Find the padding of a volume (z, y, x), reading it once; None if there is none."""
    counts = [max(length // _BLOCK_VOXELS, 1) for length in shape]
    suspects = np.full(counts, np.nan, np.float32)
    for block in range(counts[0]):
        last = block == counts[0] - 1
        stop = shape[0] if last else (block + 1) * _BLOCK_VOXELS
        slab = read((slice(block * _BLOCK_VOXELS, stop), slice(None), slice(None)))
        suspects[block] = _constant_planes(slab, counts[1], counts[2])
    padding = _large_sets(suspects)
    if padding is None:
        return None
    return Padding(read, shape, _and_beside(padding))


def _and_beside(padding: NDArray[np.float32]) -> NDArray[np.float32]:
    """Give blocks the padding value of their neighbours: padding may end within a block."""
    for axis in range(3):
        none = np.full_like(padding.take([0], axis), np.nan)
        wide = np.concatenate([none, padding, none], axis)
        below, above = (wide.take(range(i, i + padding.shape[axis]), axis) for i in (0, 2))
        padding = np.where(np.isnan(padding), np.fmax(below, above), padding)
    return padding


def _constant_planes(slab: NDArray[np.float32], rows: int, columns: int) -> NDArray[np.float32]:
    """Value of a constant plane in each block (rows, columns) of a slab (n, y, x), or NaN."""
    found = np.full((rows, columns), np.nan, np.float32)
    if not _has_repeats(slab):
        return found
    lowest, highest = slab.min(axis=0), slab.max(axis=0)
    along_z = np.where(lowest == highest, lowest, np.nan)  # (y, x)
    row_edges, column_edges = (np.arange(n) * _BLOCK_VOXELS for n in (rows, columns))

    def constant(image: NDArray[np.float32], axis: int) -> NDArray[np.float32]:
        edges = row_edges if axis == -2 else column_edges  # noqa: PLR2004 -- rows
        low, high = (f.reduceat(image, edges, axis=axis) for f in (np.minimum, np.maximum))
        return np.where(low == high, low, np.nan)

    y_planes = np.fmax.reduceat(constant(along_z, -1), row_edges, axis=-2)
    x_planes = np.fmax.reduceat(constant(along_z, -2), column_edges, axis=-1)
    z_planes = np.fmax.reduce(constant(constant(slab, -2), -1), axis=0)
    for planes in (z_planes, y_planes, x_planes):
        found = np.where(np.isnan(found), planes, found)
    return found


def _has_repeats(slab: NDArray[np.float32]) -> bool:
    """Return True if enough neighbours are equal for a constant plane: a quick test."""
    along_x = int(np.count_nonzero(slab[..., 1:] == slab[..., :-1]))
    along_y = int(np.count_nonzero(slab[:, 1:] == slab[:, :-1]))
    return max(along_x, along_y) >= _BLOCK_VOXELS


def _large_sets(suspects: NDArray[np.float32]) -> NDArray[np.float32] | None:
    """Keep large connected sets of one value, NaN elsewhere; None if they are not padding."""
    kept = np.full_like(suspects, np.nan)
    fewest = max(_FEWEST_BLOCKS, _LEAST_FRACTION * suspects.size)
    for value in np.unique(suspects[~np.isnan(suspects)]):
        pieces, count = ndimage.label(suspects == value, _EVERY_SIDE)
        sizes = np.bincount(pieces.ravel(), minlength=count + 1)
        sizes[0] = 0
        kept[(sizes >= fewest)[pieces]] = value
    rest = np.isnan(kept)
    return None if rest.all() or not _are_data(rest) else kept


def _are_data(blocks: NDArray[np.bool_]) -> bool:
    """Return True for the data of a tomogram, False for particles simulated without noise.

    The background of such particles is one repeated value, too.
    """
    count = int(blocks.sum())
    if count < _FEWEST_BLOCKS:
        return False
    ends = [np.flatnonzero(blocks.any(axis=axes))[[0, -1]] for axes in ((1, 2), (0, 2), (0, 1))]
    around = math.prod(int(last - first) + 1 for first, last in ends)
    deep = ndimage.binary_erosion(blocks, _EVERY_SIDE, border_value=1)
    return count >= _COMPACT * around or int(deep.sum()) >= _DEEP * count
