"""Volumes and centres of labels, from their areas in all planes of a volume.

Areas are whole numbers, so the result is exact and does not depend on how the volume is cut.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
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
    spreads: NDArray[np.float64]
    """(n,) radii of gyration, relative to those of balls of the same volumes."""


def measure_labels(read: Read, shape: tuple[int, ...], slab_voxels: int) -> Labels:
    """Measure the labels above 0 of a volume (z, y, x), slab by slab."""
    rows: list[list[pd.DataFrame]] = [[], [], []]
    for slab in progress(slabs(shape, slab_voxels), "labels"):
        values = read(slab)
        where = np.nonzero(values)
        numbers, of_voxel = np.unique(values[where].astype(np.int64), return_inverse=True)
        for axis, length in enumerate(shape):
            areas = np.bincount(of_voxel * length + where[axis] + slab[axis].start)
            filled = np.flatnonzero(areas)
            columns = {"label": numbers[filled // length], "plane": filled % length}
            rows[axis].append(pd.DataFrame(columns | {"area": areas[filled]}))
    sums = [_along(pd.concat(parts), length) for parts, length in zip(rows, shape, strict=True)]
    voxels = sums[0]["voxels"].to_numpy()
    centres = np.stack([of_axis["moment"] / voxels for of_axis in sums], axis=1)
    variances = sum(of_axis["square"] for of_axis in sums) / voxels - (centres**2).sum(axis=1)
    of_balls = 0.6 * (0.75 / np.pi * voxels) ** (2 / 3)
    outside = np.logical_or.reduce([of_axis["outside"] for of_axis in sums])
    return Labels(centres, voxels, outside, np.sqrt(np.clip(variances, 0, None) / of_balls))


def _along(rows: pd.DataFrame, length: int) -> pd.DataFrame:
    """Sums of each label along one axis of some length, from its areas in planes.

    Returns:
        voxels, their number; moment and square, the sums of their coordinates and of the squares
        of these; and outside, True if the area is largest in the first or the last plane.
    """
    areas = rows.groupby(["label", "plane"], as_index=False).sum()  # a plane can be in two slabs
    label, area, plane = areas["label"], areas["area"], areas["plane"]
    widest = area == area.groupby(label).transform("max")
    table = areas.assign(
        voxels=area,
        moment=area * plane,
        square=area * plane**2,
        outside=widest & plane.isin([0, length - 1]),
    ).groupby("label")
    return table.agg({"voxels": "sum", "moment": "sum", "square": "sum", "outside": "any"})
