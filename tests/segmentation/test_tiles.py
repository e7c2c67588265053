"""Whole volumes by tiles: no seams, every voxel, and the same bytes on any number of threads."""

import hashlib

import numpy as np
import pytest
import torch
from torch import nn

from ssn3d.segmentation.inference.compute import Compute
from ssn3d.segmentation.inference.tiles import (
    LARGEST_TILE_VOXELS,
    OVERLAP_VOXELS,
    predict_cubes,
    probability_slabs,
    tile_size,
    tile_starts,
)
from ssn3d.segmentation.networks.registry import build_network


class Voxelwise(nn.Module):
    """Its logits are 0 and the image."""

    def forward(self, images):
        return torch.cat([torch.zeros_like(images), images], dim=1)


@pytest.fixture
def compute(device):
    return Compute.pick(device, "float32")


@pytest.mark.parametrize("shape", [(40, 40, 40), (41, 130, 96), (30, 64, 201)])
def test_tiles_blend_without_seams(shape, compute):
    """Of +1 and -1 in turns, every tile has mean 0 and standard deviation 1 already."""
    pattern = np.where(np.indices(shape).sum(axis=0) % 2, 1.0, -1.0).astype(np.float32)

    def box(corner, size):
        beyond = [(0, max(0, size - length)) for length in shape]
        padded = np.pad(pattern, beyond, mode="reflect")
        return padded[tuple(slice(start, start + size) for start in corner)]

    blended = np.concatenate(list(probability_slabs(Voxelwise(), box, shape, compute)))
    np.testing.assert_allclose(blended, 1 / (1 + np.exp(-pattern)), atol=1e-5)


@pytest.mark.parametrize("length", [40, 95, 96, 97, 300, 601])
def test_tile_starts(length):
    size = min(LARGEST_TILE_VOXELS, 8 * (length // 8))
    starts = tile_starts(length, size)
    assert starts[0] == 0
    assert starts[-1] + size == max(length, size)
    assert (np.diff(starts) <= size - OVERLAP_VOXELS).all()


def test_tile_size():
    assert tile_size((300, 600, 600)) >= 88
    assert 40 <= tile_size((50, 600, 600)) <= 72


def test_threads_change_nothing(compute):
    """Of seven cubes, one is constant and one has voxels without data."""
    cubes = np.random.default_rng(0).standard_normal((7, 24, 24, 24), dtype=np.float32)
    cubes[2], cubes[4, :9] = 1, np.nan
    network = build_network("ResUNet", 0.0, torch.Generator().manual_seed(0))
    digests = set()
    for threads in (1, 2, 4):
        torch.set_num_threads(threads)
        found = np.stack(list(predict_cubes(network, cubes, compute)))
        digests.add(hashlib.sha256(found.tobytes()).hexdigest())
    assert len(digests) == 1
    assert not found[2].any()
    assert not found[4, :9].any()
    assert found[4, 9:].all()
    reversed_order = np.stack(list(predict_cubes(network, cubes[::-1], compute)))[::-1]
    np.testing.assert_allclose(reversed_order, found, atol=1e-5)
