"""Probabilities in a whole volume: a network applied to overlapping tiles, which are blended.

Input: a function that reads cubes of a volume; output: slabs of the probabilities of all classes
but the background. Networks are fully convolutional, so tiles may be larger than the subtomograms
of the training: less overlap, and faster. Across an overlap the weight of a tile falls linearly;
weights add up to 1.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice, product

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ssn3d.core.cubes import standardise
from ssn3d.core.errors import DataError
from ssn3d.core.log import progress
from ssn3d.core.parallel import parallel_map
from ssn3d.core.standard import Standardised
from ssn3d.segmentation.inference.compute import Compute, deterministic
from ssn3d.segmentation.networks.layers import SIZE_MULTIPLE

OVERLAP_VOXELS = {"tile": 16, "tomogram": 32}
"""By what was standardised. The statistics of a tile change all of it; without them the borders of
tiles change only their surroundings, which a wide overlap leaves out."""
MARGIN_VOXELS = {"tile": 0, "tomogram": 8}
"""Part of the overlap in which a tile has hardly any weight, next to its border."""
_LEAST_WEIGHT = 1e-6
LARGEST_TILE_VOXELS = {"tile": 96, "tomogram": 128}
"""The statistics of a larger tile are unlike those of the training's cubes. Where no tile has its
own, larger ones overlap less; beyond this they take too much memory."""
SMALLEST_TILE_VOXELS = 40
_LARGEST_OF_PAIR_VOXELS = 64
"""Cubes up to this are computed by twos: for a single one, torch leaves its fast convolutions on
CPUs; two larger ones leave a CPU's caches."""
_MOST_WORKERS = 16
"""Bounds memory: each takes 0.35 GB for the largest tiles, with ResUNet in bfloat16."""

Box = Callable[[tuple[int, int, int], int], NDArray[np.float32]]
"""Reads a cube from its corner (z, y, x) and edge. It may reach beyond the volume; voxels without
data are NaN."""


def probability_slabs(
    network: nn.Module,
    box: Box,
    shape: tuple[int, int, int],
    compute: Compute,
    *,
    classes: int = 2,
    standardised: Standardised = "tile",
) -> Iterator[NDArray[np.float32]]:
    """Yield probabilities in consecutive slabs (n, classes - 1, y, x) of a volume (z, y, x).

    The network is placed by `compute`; the first of its classes is the background. Each tile is
    standardised by itself (`tile`), or the box reads standardised voxels (`tomogram`).
    """
    overlap, margin = OVERLAP_VOXELS[standardised], MARGIN_VOXELS[standardised]
    size = tile_size(shape, standardised)
    starts = [tile_starts(length, size, overlap) for length in shape]
    weights = [_weights(begin, size, overlap, margin) for begin in starts]
    height, width = (begin[-1] + size for begin in starts[1:])
    blended = np.zeros((size, classes - 1, height, width), np.float32)
    ends = [*starts[0][1:], shape[0]]
    rows = list(product(*(range(len(begin)) for begin in starts)))
    corners = [(z, y, x) for z, y, x in product(*starts)]
    tiles = predict_cubes(
        network,
        (box(corner, size) for corner in corners),
        compute,
        classes=classes,
        standardised=standardised,
    )
    shown = progress(tiles, "segment", len(rows), size**3)
    for (i, j, k), (low, top, left), tile in zip(rows, corners, shown, strict=True):
        part = blended[:, :, top : top + size, left : left + size]
        plane = weights[1][j][:, None] * weights[2][k]
        part += (tile * weights[0][i][:, None, None] * plane).swapaxes(0, 1)
        if (j, k) == (len(starts[1]) - 1, len(starts[2]) - 1):
            done = ends[i] - low
            yield blended[:done, :, : shape[1], : shape[2]].clip(0, 1)
            blended[: size - done] = blended[done:].copy()
            blended[size - done :] = 0


def predict_cubes(
    network: nn.Module,
    cubes: Iterable[NDArray[np.float32]],
    compute: Compute,
    *,
    classes: int = 2,
    standardised: Standardised = "tile",
) -> Iterator[NDArray[np.float32]]:
    """Yield probabilities (classes - 1, s, s, s) in each cube (s, s, s), s a multiple of 8.

    Each cube is standardised by its voxels with data, unless the tomogram has been. Voxels without
    data, which are NaN, have probability 0, as have all voxels of a constant cube. On a CPU, each
    of torch's threads computes a batch by itself: the result does not depend on their number.

    Raises DataError if the network has another number of classes.
    """
    network.eval()
    prepare = standardise if standardised == "tile" else _known

    def predict(batch: list[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        return _predict_batch(network, batch, [*map(prepare, batch)], compute, classes)

    cubes = iter(cubes)
    batches = iter(lambda: _batch(cubes), [])
    on_cpu = compute.device.type == "cpu"
    workers = min(torch.get_num_threads(), _MOST_WORKERS) if on_cpu else 1
    while True:
        some = islice(batches, workers)
        with deterministic():  # torch's current GPU is that of the calling thread
            found = parallel_map(predict, some) if on_cpu else [*map(predict, some)]
        if not found:
            return
        for batch in found:
            yield from batch


def _batch(cubes: Iterator[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
    """Take the cubes that are computed together: two, or one if it is large; none at the end."""
    first = [*islice(cubes, 1)]
    pair = bool(first) and len(first[0]) <= _LARGEST_OF_PAIR_VOXELS
    return [*first, *islice(cubes, 1)] if pair else first


def _known(cube: NDArray[np.float32]) -> NDArray[np.float32]:
    """Set voxels without data to 0, and all of a cube in which nothing varies."""
    data = np.isfinite(cube)
    known = cube[data]
    if not known.size or known.min() == known.max():
        return np.zeros_like(cube)
    return np.where(data, cube, np.float32(0))


def _predict_batch(
    network: nn.Module,
    cubes: list[NDArray[np.float32]],
    prepared: list[NDArray[np.float32]],
    compute: Compute,
    classes: int,
) -> list[NDArray[np.float32]]:
    """Probabilities in cubes of one size, of which constant ones are not given to the network."""
    found = [np.zeros((classes - 1, *cube.shape), np.float32) for cube in cubes]
    images = [(i, image) for i, image in enumerate(prepared) if image.any()]
    if images:
        inputs = torch.from_numpy(np.stack([image for _, image in images]))
        with torch.inference_mode():
            logits = compute.logits(network, inputs)
            if logits.shape[1] != classes:
                raise DataError(
                    f"network: it has {logits.shape[1]} classes, its card or file of weights lists "
                    f"{classes}; correct `classes` there"
                )
            probabilities = _foreground(logits).cpu().numpy()
        for (i, _), probability in zip(images, probabilities, strict=True):
            np.copyto(found[i], probability, where=np.isfinite(cubes[i]))
    return found


def _foreground(logits: Tensor) -> Tensor:
    """Probabilities (n, classes - 1, s, s, s) of all classes but the first."""
    if logits.shape[1] == 2:  # noqa: PLR2004 -- a sigmoid, which is half the work of a softmax
        return torch.sigmoid(logits[:, 1:] - logits[:, :1])
    return logits.softmax(dim=1)[:, 1:]


def tile_size(shape: tuple[int, int, int], standardised: Standardised) -> int:
    """Edge of the tiles with the fewest voxels in all; the larger of equals."""
    sizes = range(SMALLEST_TILE_VOXELS, LARGEST_TILE_VOXELS[standardised] + 1, SIZE_MULTIPLE)
    overlap = OVERLAP_VOXELS[standardised]

    def voxels(size: int) -> int:
        return size**3 * int(np.prod([len(tile_starts(length, size, overlap)) for length in shape]))

    return min(reversed(sizes), key=voxels)


def tile_starts(length: int, size: int, overlap: int) -> list[int]:
    """First voxels of as few tiles along an axis as overlap by so many voxels, evenly spread."""
    count = max(int(np.ceil((length - overlap) / (size - overlap))), 1)
    return [round(start) for start in np.linspace(0, max(length - size, 0), count)]


def _weights(starts: list[int], size: int, overlap: int, margin: int) -> NDArray[np.float32]:
    """Weights (tiles, size) along an axis, which fall towards other tiles, not at the ends."""
    rising = np.clip((np.arange(size) + 1 - margin) / (overlap - 2 * margin), _LEAST_WEIGHT, 1)
    falling = [np.minimum(rising, rising[::-1]) for _ in starts]
    total = np.zeros(starts[-1] + size)
    if margin:
        falling[0], falling[-1] = rising[::-1], rising
        if len(starts) == 1:
            falling[0] = np.ones(size)
    for start, weight in zip(starts, falling, strict=True):
        total[start : start + size] += weight
    pairs = zip(starts, falling, strict=True)
    return np.stack([w / total[at : at + size] for at, w in pairs]).astype(np.float32)
