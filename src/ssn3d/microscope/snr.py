"""Signal-to-noise ratio by cross-correlation of aligned particles (Frank & Al-Ali 1975).

Crops at the true positions of one complex are aligned by their true rotations. Two crops with
Pearson correlation c have SNR = c / (1 - c); the mean is over all pairs of different particles.
Everything else counts as noise: neighbours, the missing wedge, the CTF. The SNR therefore has a
ceiling, which it reaches without any added noise.

Rotation leaves a quarter of a cube without data, and interpolation damps noise: some 57 % of the
noise's energy is left, and an SNR of 0.01 is about 0.006 on crops that are not rotated.
"""

from dataclasses import dataclass

import numpy as np
import scipy.ndimage
from numpy.typing import NDArray

from ssn3d.core.blas import one_blas_thread
from ssn3d.core.cubes import crop, crop_corners, lies_inside
from ssn3d.core.errors import SNRError
from ssn3d.core.parallel import parallel_map
from ssn3d.core.particles import Particles
from ssn3d.microscope.settings import ReferenceSettings

_LARGEST_C = 1 - 1e-12


def reference_particles(
    particles: Particles, settings: ReferenceSettings, size: int, shape: tuple[int, ...]
) -> Particles:
    """The first `max_particles` particles of the reference complex whose crops lie inside.

    Raises SNRError if there are fewer than two.
    """
    of_reference = particles.pdb_ids == settings.reference_id
    rows = np.flatnonzero(of_reference & lies_inside(particles.centres, size, shape))
    if len(rows) < 2:  # noqa: PLR2004 -- a pair
        raise SNRError(
            f"snr.reference_id: {len(rows)} subtomograms of {settings.reference_id} lie inside the "
            "tomogram, the SNR needs at least two; ask for more particles or another reference"
        )
    return particles[rows[: settings.max_particles]]


@dataclass(frozen=True)
class Sphere:
    """The bounding sphere of a structure, in the frame of the structure."""

    radius_voxels: float
    centre_voxels: tuple[float, float, float]
    """Centre relative to the centre of mass, z, y, x."""


def region_mask(size: int, region: str, sphere: Sphere) -> NDArray[np.bool_]:
    """Voxels of aligned crops to correlate, (size,) * 3: the `cube`, or the `particle`'s sphere."""
    if region == "cube":
        return np.ones((size, size, size), dtype=bool)
    centre = size // 2 + np.array(sphere.centre_voxels)
    offsets = np.indices((size, size, size)) - centre[:, None, None, None]
    inside: NDArray[np.bool_] = (offsets**2).sum(axis=0) <= sphere.radius_voxels**2
    return inside


def aligned_crops(
    volume: NDArray[np.float32], particles: Particles, size: int
) -> NDArray[np.float32]:
    """Crops rotated to the structure's frame by cubic splines, (n, size, size, size).

    The mean of each crop is subtracted first, so that voxels rotated in from outside are 0.
    """
    corners = crop_corners(particles.centres, size)

    def align(i: int) -> NDArray[np.float32]:
        cube = crop(volume, corners[i], size).astype(np.float32)
        rotation = particles.rotations[i]
        offset = particles.centres[i] - corners[i] - rotation @ np.full(3, size // 2)
        aligned: NDArray[np.float32] = scipy.ndimage.affine_transform(
            cube - cube.mean(), rotation, offset, order=3
        )
        return aligned

    return np.stack(parallel_map(align, range(len(particles))))


def mean_free(crops: NDArray[np.float32], mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Values of each crop inside a mask, minus their mean: (n, voxels of the mask)."""
    values = crops[:, mask]
    values -= values.mean(axis=1, keepdims=True)
    return values.astype(np.float64)


def mean_pair_snr(inner_products: NDArray[np.float64]) -> float:
    """Mean of c / (1 - c) over pairs, from the inner products (n, n) of mean-free crops.

    It is always finite: constant crops have c = 0, and equal crops a c just below 1.
    """
    norms = np.sqrt(np.maximum(np.diag(inner_products), 0))
    pairs = np.triu_indices(len(norms), k=1)
    scales = np.outer(norms, norms)[pairs]
    c = np.divide(inner_products[pairs], scales, out=np.zeros_like(scales), where=scales > 0)
    c = np.minimum(c, _LARGEST_C)
    return float(np.mean(c / (1 - c)))


@one_blas_thread()
def snr_of_crops(crops: NDArray[np.float32], mask: NDArray[np.bool_]) -> float:
    """SNR of the aligned crops (n, s, s, s) of one complex, inside a mask (s, s, s)."""
    values = mean_free(crops, mask)
    return mean_pair_snr(values @ values.T)
