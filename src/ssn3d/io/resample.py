"""Volumes at another voxel size: band-limited samples of a tomogram, and the way back.

Networks are trained at one voxel size. A tomogram is sampled at it cube by cube, so that
memory does not depend on its size. Frequencies above the lower of the two Nyquist limits are
removed, as by cropping a Fourier transform, but with a kernel of finite width: a sinc under a
Kaiser window.
"""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from ssn3d.io.mrc import same_voxel_size
from ssn3d.io.tomogram import Tomogram

_LOBES = 8
"""Half width of the kernel, in zeros of the sinc."""
_SECTIONS = 32
"""Number of sections of a tomogram read at a time."""
_KAISER_BETA = 5.0
"""Ripples below 0.3%, in a transition of a tenth of the band."""


def step_between(own_angstrom: float, wanted_angstrom: float) -> float:
    """Return wanted / own voxel size; 1 if they are equal within 1%."""
    return 1.0 if same_voxel_size(own_angstrom, wanted_angstrom) else wanted_angstrom / own_angstrom


def sample_cube(
    tomogram: Tomogram, corner: NDArray[np.floating] | tuple[float, ...], step: float, size: int
) -> NDArray[np.float32]:
    """Sample a cube of size^3 points, `step` voxels of the tomogram apart, with protein dark.

    The step is the wanted voxel size over the tomogram's, which is mirrored beyond its borders. The
    corner (z, y, x) is the first point in its voxels, whose centres are whole numbers.
    """
    if step == 1 and all(float(start).is_integer() for start in corner):
        return tomogram.box(tuple(int(start) for start in corner), (size, size, size))
    reach = int(np.ceil(_LOBES * max(step, 1.0)))
    first = [int(np.floor(start)) - reach for start in corner]
    stop = [int(np.ceil(start + step * (size - 1))) + reach + 1 for start in corner]
    z, y, x = (
        _kernel(start - low + step * np.arange(size), high - low, step)
        for start, low, high in zip(corner, first, stop, strict=True)
    )
    cube = np.zeros((size, size, size), np.float32)
    for low in range(0, z.shape[1], _SECTIONS):  # voxels may be many more than samples
        some = z[:, low : low + _SECTIONS]
        box = tomogram.box((first[0] + low, *first[1:]), (some.shape[1], y.shape[1], x.shape[1]))
        flat = np.tensordot(np.tensordot(box, y, axes=(1, 1)), x, axes=(1, 1))
        cube += np.tensordot(some, flat, axes=(1, 0))
    return cube


def sample_known(
    tomogram: Tomogram, corner: NDArray[np.floating] | tuple[float, ...], step: float, size: int
) -> NDArray[np.float32]:
    """Sample a cube as `sample_cube` does, with NaN where the nearest voxel holds no data."""
    points = [np.floor(start + step * np.arange(size) + 0.5).astype(int) for start in corner]
    data = tomogram.data_at(points)
    if data is not None and not data.any():
        return np.full((size, size, size), np.nan, np.float32)
    cube = sample_cube(tomogram, corner, step, size)
    if data is not None:
        cube[~data] = np.nan
    return cube


def _kernel(points: NDArray[np.float64], count: int, step: float) -> NDArray[np.float32]:
    """Weights (points, count) of voxels 0, 1, ... in samples at `points`; each row adds up to 1."""
    band = min(1.0, 1.0 / step)
    distance = band * (points[:, None] - np.arange(count))
    inside = np.clip(1 - (distance / _LOBES) ** 2, 0, None)
    window = np.where(inside > 0, np.i0(_KAISER_BETA * np.sqrt(inside)), 0.0)
    weights = np.sinc(distance) * window
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)


def sampled_length(length: int, step: float) -> int:
    """Return the number of points, `step` voxels apart from the first voxel, that cover an axis."""
    return int(np.ceil((length - 1) / step)) + 1


def resample_sections(
    slabs: Iterable[NDArray[np.float32]], step: float, shape: tuple[int, int, int]
) -> Iterator[NDArray[np.float32]]:
    """Interpolate a volume sampled every `step` voxels linearly at those voxels.

    Slabs are consecutive sections (n, ..., y, x) of the sampled volume, of `sampled_length` each
    axis; others, as of channels, are kept. Yields sections (1, ..., y, x) of the result, of `shape`
    (z, y, x), or, with a step of 1, the slabs themselves.
    """
    if step == 1:
        yield from slabs
        return
    sections = (section for slab in slabs for section in slab)
    below, index = next(sections), 0
    above = next(sections, below)
    for z in range(shape[0]):
        while z / step > index + 1:
            below, above, index = above, next(sections, above), index + 1
        section = below + (z / step - index) * (above - below)
        for axis in (-2, -1):
            section = _interpolated(section, axis, step, shape[axis])
        yield section[None]


def _interpolated(
    section: NDArray[np.float32], axis: int, step: float, length: int
) -> NDArray[np.float32]:
    """Interpolate images (..., y, x) linearly at `length` points, 1 / step apart, along an axis."""
    points = np.arange(length) / step
    index = np.clip(points.astype(int), 0, max(section.shape[axis] - 2, 0))
    part = (points - index).astype(np.float32)
    part = part if axis == -1 else part[:, None]
    below = section.take(index, axis)
    above = section.take(np.minimum(index + 1, section.shape[axis] - 1), axis)
    return np.asarray(below + part * (above - below), np.float32)
