"""Whether fine detail looks denoised.

Noise is everywhere and Gaussian, also after a linear filter. What a denoising network or a filter
of edges leaves of fine detail lies at molecules alone: its distribution has long tails. So has that
of a tomogram without noise.
"""

import numpy as np
from scipy import ndimage

from ssn3d.io.tomogram import Tomogram
from ssn3d.measure.spectrum import blocks

DETAIL_KURTOSIS = 3.0
"""Excess kurtosis above which detail looks denoised."""
_BLOCK_VOXELS = 64
_MOST_BLOCKS = 8
_SIGMA_VOXELS = 0.7
_FEWEST_VOXELS = 1000


def detail_kurtosis(tomogram: Tomogram, middle_z: float) -> float | None:
    """Excess kurtosis of detail of one or two voxels, 0 if Gaussian; None with too few voxels."""
    found = []
    for place in blocks(tomogram.grid.shape, _BLOCK_VOXELS, middle_z, _MOST_BLOCKS):
        if tomogram.is_data(place) is None:
            voxels = tomogram.read_dark(place)
            found.append((voxels - ndimage.gaussian_filter(voxels, _SIGMA_VOXELS)).ravel())
    detail = np.concatenate(found).astype(np.float64) if found else np.empty(0)
    if len(detail) < _FEWEST_VOXELS or not detail.std() > 0:
        return None
    detail = (detail - detail.mean()) / detail.std()
    return float((detail**4).mean()) - 3.0
