"""Layers of all networks: number of classes, size of the input, pooling and upsampling."""

import torch
from torch import Tensor
from torch.nn.functional import interpolate, max_pool3d

from ssn3d.core.errors import DataError

CLASSES = 2
SIZE_MULTIPLE = 8
"""The networks halve the size three times."""


def check_size(images: Tensor) -> None:
    """Raise DataError unless images are (n, 1, s, s, s) with s a multiple of 8."""
    size = images.shape[-1]
    if images.shape[1:] != (1, size, size, size) or size % SIZE_MULTIPLE or size == 0:
        raise DataError(
            f"network: images of shape {tuple(images.shape)}, expected (n, 1, s, s, s) with s a "
            f"multiple of {SIZE_MULTIPLE}; change subtomograms.size_voxels"
        )


def upsample(features: Tensor, factor: int = 2) -> Tensor:
    """Repeat each voxel `factor` times along each axis (nearest neighbour).

    Without autocast, which on a GPU would convert this and all that follows to float32.
    """
    with torch.autocast(features.device.type, enabled=False):
        return interpolate(features, scale_factor=factor, mode="nearest")


def pool(features: Tensor) -> Tensor:
    """Take the maximum of each cube of 2^3 voxels.

    Without autocast, which on a CPU would convert to float32 and back; a maximum does not round.
    """
    with torch.autocast(features.device.type, enabled=False):
        return max_pool3d(features, 2)
