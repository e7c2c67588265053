"""Probabilities in a whole volume: a network applied to overlapping tiles, which are blended.

Networks are fully convolutional, so that tiles may be larger than the subtomograms of a training:
less overlap, and faster. As a subtomogram, each tile has mean 0 and standard deviation 1. Across an
overlap the weight of a tile falls linearly, and the weights of all tiles add up to 1.
"""

from collections.abc import Callable, Iterator
from itertools import product

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from ssn3d.core.cubes import standardise
from ssn3d.core.log import progress
from ssn3d.segmentation.inference.compute import Compute, deterministic
from ssn3d.segmentation.networks.layers import SIZE_MULTIPLE

OVERLAP_VOXELS = 16
LARGEST_TILE_VOXELS = 96
"""Larger tiles leave a CPU's caches, and are slower."""
SMALLEST_TILE_VOXELS = 40

Box = Callable[[tuple[int, int, int], int], NDArray[np.float32]]
"""From corner (z, y, x) and edge to the voxels of a tile, which may reach beyond the volume;
voxels without data are NaN."""


def probability_slabs(
    network: nn.Module,
    box: Box,
    shape: tuple[int, int, int],
    compute: Compute,
) -> Iterator[NDArray[np.float32]]:
    """Yield the probability of structure in consecutive slabs (n, y, x) of a volume.

    Args:
        network: placed by `compute`.
        box: gives the volume's voxels.
        shape: (z, y, x) of the volume.
        compute: device and precision.
    """
    size = tile_size(shape)
    starts = [tile_starts(length, size) for length in shape]
    weights = [_weights(begin, size) for begin in starts]
    y, x = (begin[-1] + size for begin in starts[1:])
    blended = np.zeros((size, y, x), np.float32)
    ends = [*starts[0][1:], shape[0]]
    tiles = product(*(range(len(begin)) for begin in starts))
    total = int(np.prod([len(begin) for begin in starts]))
    for i, j, k in progress(tiles, "segment", total, size**3):
        corner = starts[0][i], starts[1][j], starts[2][k]
        part = blended[:, corner[1] : corner[1] + size, corner[2] : corner[2] + size]
        plane = weights[1][j][:, None] * weights[2][k]
        tile = predict_tile(network, box(corner, size), compute)
        part += tile * weights[0][i][:, None, None] * plane
        if (j, k) == (len(starts[1]) - 1, len(starts[2]) - 1):
            done = ends[i] - corner[0]
            yield blended[:done, : shape[1], : shape[2]].clip(0, 1)
            blended[: size - done] = blended[done:].copy()
            blended[size - done :] = 0


def predict_tile(
    network: nn.Module, tile: NDArray[np.float32], compute: Compute
) -> NDArray[np.float32]:
    """Probability of structure in a cube (s, s, s), s a multiple of 8; 0 if it is constant.

    Voxels that are NaN hold no data: they do not count, and their probability is 0.
    """
    image = standardise(tile)
    if not image.any():
        return image
    network.eval()
    with torch.inference_mode(), deterministic():
        logits = compute.logits(network, torch.from_numpy(image).to(compute.device)[None])[0]
        probability: NDArray[np.float32] = torch.sigmoid(logits[1] - logits[0]).cpu().numpy()
    return np.where(np.isfinite(tile), probability, np.float32(0))


def tile_size(shape: tuple[int, int, int]) -> int:
    """Edge of the tiles with the fewest voxels in all, the larger of equals."""
    sizes = range(SMALLEST_TILE_VOXELS, LARGEST_TILE_VOXELS + 1, SIZE_MULTIPLE)

    def voxels(size: int) -> int:
        return size**3 * int(np.prod([len(tile_starts(length, size)) for length in shape]))

    return min(reversed(sizes), key=voxels)


def tile_starts(length: int, size: int) -> list[int]:
    """First voxels of tiles along an axis: as few as overlap by `OVERLAP_VOXELS`, evenly spread."""
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
