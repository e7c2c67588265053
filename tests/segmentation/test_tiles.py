"""Whole volumes by tiles: no seams, every voxel, and the same bytes on any number of threads."""

import hashlib

import numpy as np
import pytest
import torch
from torch import nn

from ssn3d.core.errors import DataError
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


def box_of(volume, **padding):
    """Give a reader of cubes of a volume, which is padded where they reach beyond its end."""

    def box(corner, size):
        beyond = [(0, max(0, size - length)) for length in volume.shape]
        return np.pad(volume, beyond, **padding)[tuple(slice(at, at + size) for at in corner)]

    return box


@pytest.mark.parametrize("shape", [(40, 40, 40), (41, 130, 96), (30, 64, 201)])
def test_tiles_blend_without_seams(shape, compute):
    """Of +1 and -1 in turns, every tile has mean 0 and standard deviation 1 already."""
    pattern = np.where(np.indices(shape).sum(axis=0) % 2, 1.0, -1.0).astype(np.float32)
    box = box_of(pattern, mode="reflect")
    for standardised in ("tile", "tomogram"):
        slabs = probability_slabs(Voxelwise(), box, shape, compute, standardised=standardised)
        blended = np.concatenate(list(slabs))
        assert blended.shape == (shape[0], 1, *shape[1:])
        np.testing.assert_allclose(blended[:, 0], 1 / (1 + np.exp(-pattern)), atol=1e-5)


def local_network(classes=5, reach=3):
    """Give a random network whose outputs depend on so many voxels on each side."""
    generator = torch.Generator().manual_seed(0)
    layers = [nn.Conv3d(1, 6, 2 * reach - 1, padding="same"), nn.ReLU()]
    layers.append(nn.Conv3d(6, classes, 3, padding="same"))
    for layer in layers[::2]:
        nn.init.normal_(layer.weight, std=0.3, generator=generator)
        nn.init.normal_(layer.bias, generator=generator)
    return nn.Sequential(*layers)


def by_tiles(network, volume, compute):
    """Probabilities (classes - 1, z, y, x) of a standardised volume."""
    box = box_of(volume, constant_values=np.nan)
    slabs = probability_slabs(
        *(network, box, volume.shape, compute), classes=5, standardised="tomogram"
    )
    return np.concatenate(list(slabs)).swapaxes(0, 1)


def test_tiles_of_any_size_agree(compute, monkeypatch):
    """To 1e-5, except at the volume's border, as the network on the whole volume."""
    network = local_network()
    volume = np.random.default_rng(0).standard_normal((70, 90, 120), dtype=np.float32)
    with torch.inference_mode():
        whole = network(torch.from_numpy(volume)[None, None]).softmax(dim=1)[0, 1:].numpy()
    inner = np.s_[:, 3:-3, 3:-3, 3:-3]
    for largest in (96, 64, 40):
        monkeypatch.setitem(LARGEST_TILE_VOXELS, "tomogram", largest)
        found = by_tiles(network, volume, compute)
        np.testing.assert_allclose(found[inner], whole[inner], atol=1e-5)


def test_far_voxels_change_nothing(compute):
    """Beyond the reach of the network, gold, vacuum and padding change no bit."""
    network = local_network(reach=3)
    volume = np.random.default_rng(0).standard_normal((48, 60, 110), dtype=np.float32)
    other = volume.copy()
    other[:, :, 50:60], other[:, :, 60:80], other[:20, :, 80:] = -8, 0, np.nan
    found = [by_tiles(network, one, compute)[..., :46] for one in (volume, other)]
    assert len({hashlib.sha256(one.tobytes()).hexdigest() for one in found}) == 1
    assert np.ptp(found[0]) > 0.5


def test_number_of_classes_is_checked(compute):
    cube = np.random.default_rng(0).standard_normal((1, 8, 8, 8), dtype=np.float32)
    with pytest.raises(DataError, match="it has 4 classes, its card or file of weights lists 5"):
        next(predict_cubes(local_network(4), cube, compute, classes=5))


@pytest.mark.parametrize("standardised", OVERLAP_VOXELS)
@pytest.mark.parametrize("length", [40, 95, 96, 97, 300, 601])
def test_tile_starts(length, standardised):
    overlap = OVERLAP_VOXELS[standardised]
    size = min(LARGEST_TILE_VOXELS[standardised], 8 * (length // 8))
    starts = tile_starts(length, size, overlap)
    assert starts[0] == 0
    assert starts[-1] + size == max(length, size)
    assert (np.diff(starts) <= size - overlap).all()


def test_tile_size():
    assert 88 <= tile_size((300, 600, 600), "tile") <= 96
    assert 40 <= tile_size((50, 600, 600), "tile") <= 72
    assert tile_size((200, 320, 320), "tomogram") == 128


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
    assert not found[4, 0, :9].any()
    assert found[4, 0, 9:].all()
    reversed_order = np.stack(list(predict_cubes(network, cubes[::-1], compute)))[::-1]
    np.testing.assert_allclose(reversed_order, found, atol=1e-5)
