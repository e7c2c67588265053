"""What all networks share: their classes, the sizes they take, and steps between resolutions."""

import torch
from torch import Tensor
from torch.nn.functional import interpolate, max_pool3d

from ssn3d.core.errors import DataError

CLASSES = 2
SIZE_MULTIPLE = 8
"""Three steps each halve the size."""


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

    Autocast on a GPU would convert to float32, and all that is added to it: a copy does not round.
    """
    with torch.autocast(features.device.type, enabled=False):
        return interpolate(features, scale_factor=factor, mode="nearest")


def pool(features: Tensor) -> Tensor:
    """Take the maximum of each cube of 2^3 voxels.

    Autocast on a CPU would convert to float32 and back, to no effect: a maximum does not round.
    """
    with torch.autocast(features.device.type, enabled=False):
        return max_pool3d(features, 2)
