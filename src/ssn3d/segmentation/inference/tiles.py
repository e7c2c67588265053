"""Probabilities in a whole volume: a network applied to overlapping tiles, which are blended.

Input: a function that reads cubes of a volume; output: slabs of the probability of protein.
Networks are fully convolutional, so tiles may be larger than the subtomograms of the training: less
overlap, and faster. Across an overlap the weight of a tile falls linearly; weights add up to 1.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice, product

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from ssn3d.core.cubes import standardise
from ssn3d.core.log import progress
from ssn3d.core.parallel import parallel_map
from ssn3d.segmentation.inference.compute import Compute, deterministic
from ssn3d.segmentation.networks.layers import SIZE_MULTIPLE

OVERLAP_VOXELS = 16
LARGEST_TILE_VOXELS = 96
"""Larger tiles leave a CPU's caches, and are slower."""
SMALLEST_TILE_VOXELS = 40
_BATCH_SIZE = 2
"""For a single small cube, torch leaves its fast convolutions on CPUs."""
_MOST_WORKERS = 16
"""Bounds memory: a batch of the largest tiles takes 0.45 GB with ResUNet, 0.8 GB with UNet."""

Box = Callable[[tuple[int, int, int], int], NDArray[np.float32]]
"""Reads a cube from its corner (z, y, x) and edge. It may reach beyond the volume; voxels without
data are NaN."""


def probability_slabs(
    network: nn.Module,
    box: Box,
    shape: tuple[int, int, int],
    compute: Compute,
) -> Iterator[NDArray[np.float32]]:
    """Yield the probability of protein in consecutive slabs (n, y, x) of a volume.

    Args:
        network: placed by `compute`.
        box: reads the volume.
        shape: (z, y, x) of the volume.
        compute: device and precision.
    """
    size = tile_size(shape)
    starts = [tile_starts(length, size) for length in shape]
    weights = [_weights(begin, size) for begin in starts]
    height, width = (begin[-1] + size for begin in starts[1:])
    blended = np.zeros((size, height, width), np.float32)
    ends = [*starts[0][1:], shape[0]]
    rows = list(product(*(range(len(begin)) for begin in starts)))
    corners = [(z, y, x) for z, y, x in product(*starts)]
    tiles = predict_cubes(network, (box(corner, size) for corner in corners), compute)
    shown = progress(tiles, "segment", len(rows), size**3)
    for (i, j, k), (low, top, left), tile in zip(rows, corners, shown, strict=True):
        part = blended[:, top : top + size, left : left + size]
        plane = weights[1][j][:, None] * weights[2][k]
        part += tile * weights[0][i][:, None, None] * plane
        if (j, k) == (len(starts[1]) - 1, len(starts[2]) - 1):
            done = ends[i] - low
            yield blended[:done, : shape[1], : shape[2]].clip(0, 1)
            blended[: size - done] = blended[done:].copy()
            blended[size - done :] = 0


def predict_cubes(
    network: nn.Module, cubes: Iterable[NDArray[np.float32]], compute: Compute
) -> Iterator[NDArray[np.float32]]:
    """Yield the probability of protein in each cube (s, s, s), s a multiple of 8.

    Each cube is standardised by its voxels with data; those without, which are NaN, have
    probability 0, as have all voxels of a constant cube. On a CPU, each of torch's threads computes
    a batch by itself: the result does not depend on their number.
    """
    network.eval()

    def predict(batch: list[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        return _predict_batch(network, batch, compute)

    cubes = iter(cubes)
    batches = iter(lambda: [*islice(cubes, _BATCH_SIZE)], [])
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


def _predict_batch(
    network: nn.Module, cubes: list[NDArray[np.float32]], compute: Compute
) -> list[NDArray[np.float32]]:
    """Probabilities in cubes of one size, of which constant ones are not given to the network."""
    found = [np.zeros_like(cube) for cube in cubes]
    images = [(i, image) for i, image in enumerate(map(standardise, cubes)) if image.any()]
    if images:
        inputs = torch.from_numpy(np.stack([image for _, image in images]))
        with torch.inference_mode():
            logits = compute.logits(network, inputs)
            probabilities = torch.sigmoid(logits[:, 1] - logits[:, 0]).cpu().numpy()
        for (i, _), probability in zip(images, probabilities, strict=True):
            np.copyto(found[i], probability, where=np.isfinite(cubes[i]))
    return found


def tile_size(shape: tuple[int, int, int]) -> int:
    """Edge of the tiles with the fewest voxels in all; the larger of equals."""
    sizes = range(SMALLEST_TILE_VOXELS, LARGEST_TILE_VOXELS + 1, SIZE_MULTIPLE)

    def voxels(size: int) -> int:
        return size**3 * int(np.prod([len(tile_starts(length, size)) for length in shape]))

    return min(reversed(sizes), key=voxels)


def tile_starts(length: int, size: int) -> list[int]:
    """First voxels of as few tiles along an axis as overlap by `OVERLAP_VOXELS`, evenly spread."""
    count = max(int(np.ceil((length - OVERLAP_VOXELS) / (size - OVERLAP_VOXELS))), 1)
    return [round(start) for start in np.linspace(0, max(length - size, 0), count)]


def _weights(starts: list[int], size: int) -> NDArray[np.float32]:
    """Weights (tiles, size) along an axis."""
    ramp = np.minimum(np.arange(size) + 1, size - np.arange(size))
    falling = np.minimum(ramp, OVERLAP_VOXELS) / OVERLAP_VOXELS
    total = np.zeros(starts[-1] + size)
    for start in starts:
        total[start : start + size] += falling
    return np.stack([falling / total[start : start + size] for start in starts]).astype(np.float32)
