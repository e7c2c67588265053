"""Soft masks of particles in their boxes: spheres and segmentation masks."""

import numpy as np
import scipy.ndimage
from numpy.typing import NDArray

EDGE_VOXELS = 3.0
"""Width over which masks fall from 1 to 0, as half a period of a cosine."""
_MARGIN_VOXELS = 1.0  # around a segmentation mask, before it falls


def _falling(distance: NDArray[np.float64]) -> NDArray[np.float32]:
    """Values that fall from 1 at distance 0 to 0 at the width of the edge."""
    part = np.clip(distance / EDGE_VOXELS, 0, 1)
    return np.asarray((1 + np.cos(np.pi * part)) / 2, dtype=np.float32)


def soft_sphere(size: int, radius_voxels: float) -> NDArray[np.float32]:
    """Sphere around voxel s // 2 of a cube (s, s, s); it starts to fall at the radius."""
    axis = np.arange(size) - size // 2
    z, y, x = np.meshgrid(axis, axis, axis, indexing="ij", sparse=True)
    return _falling(np.sqrt(z**2 + y**2 + x**2) - radius_voxels)


def soft_masks(masks: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Soften segmentation masks (n, s, s, s); an empty mask stays empty."""
    soft = np.zeros(masks.shape, dtype=np.float32)
    for row, mask in enumerate(masks):
        if mask.any():
            soft[row] = _falling(scipy.ndimage.distance_transform_edt(~mask) - _MARGIN_VOXELS)
    return soft


def cut_out(image: NDArray[np.float32], mask: NDArray[np.float32]) -> NDArray[np.float32]:
    """Subtract an image's mean along the mask's edge, and multiply the image by the mask.

    The mask thus adds no edge. With a mask without edge, the mean of the whole image is subtracted.
    """
    edge = mask * (1 - mask)
    total = float(edge.sum())
    level = float((image * edge).sum()) / total if total > 0 else float(image.mean())
    return np.asarray((image - level) * mask, dtype=np.float32)
