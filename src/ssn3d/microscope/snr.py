"""Signal-to-noise ratio by cross-correlation of aligned particles (Frank & Al-Ali 1975).

Crops at the true positions of one complex are turned back by their true rotations; for two of them
with Pearson correlation c, SNR = c / (1 - c), averaged over all pairs of different particles.
Everything else counts as noise: neighbours, the missing wedge, the CTF. Hence a ceiling that no
setting of the detector's noise can exceed.

A tomogram is signal + s * noise, and cropping, turning and masking are linear. So the correlation
of all pairs, for any s, follows from three matrices of inner products.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import scipy.ndimage
import scipy.optimize
from numpy.typing import NDArray

from ssn3d.crops import crop, crop_corners, lies_inside
from ssn3d.errors import SNRError
from ssn3d.particles import Particles

_CURVE_POINTS = 25


@dataclass(frozen=True)
class SNRSettings:
    """The `snr` section of the configuration, but for the datasets."""

    reference_id: str
    region: str
    max_particles: int


def reference_particles(
    particles: Particles, settings: SNRSettings, size: int, shape: tuple[int, ...]
) -> Particles:
    """Those of the reference complex whose crop lies inside, the first `max_particles` of them.

    Raises SNRError where there are fewer than two.
    """
    of_reference = particles.pdb_ids == settings.reference_id
    rows = np.flatnonzero(of_reference & lies_inside(particles.centres, size, shape))
    if len(rows) < 2:  # noqa: PLR2004 -- a pair
        raise SNRError(
            f"snr.reference_id: {len(rows)} subtomograms of {settings.reference_id} lie inside the "
            "tomogram, the SNR needs two or more; ask for more particles or another reference"
        )
    return particles[rows[: settings.max_particles]]


def region_mask(size: int, region: str, radius_voxels: float) -> NDArray[np.bool_]:
    """Voxels (size,)*3 that are correlated: the whole `cube`, or the `particle`'s sphere."""
    if region == "cube":
        return np.ones((size, size, size), dtype=bool)
    offsets = np.indices((size, size, size)) - size // 2
    inside: NDArray[np.bool_] = (offsets**2).sum(axis=0) <= radius_voxels**2
    return inside


def aligned_crops(
    volume: NDArray[np.float32], particles: Particles, size: int
) -> NDArray[np.float32]:
    """Crops turned back to the structure's frame by cubic splines, (n, size, size, size).

    The mean of each crop is taken off before it is turned, so that what the turn brings in from
    outside is 0.
    """
    corners = crop_corners(particles.centres, size)

    def turn_back(i: int) -> NDArray[np.float32]:
        cube = crop(volume, corners[i], size).astype(np.float32)
        rotation = particles.rotations[i]
        offset = particles.centres[i] - corners[i] - rotation @ np.full(3, size // 2)
        turned: NDArray[np.float32] = scipy.ndimage.affine_transform(
            cube - cube.mean(), rotation, offset, order=3
        )
        return turned

    with ThreadPoolExecutor() as pool:
        return np.stack(list(pool.map(turn_back, range(len(particles)))))


def _mean_free(crops: NDArray[np.float32], mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Voxels of a mask in each crop, less their mean: (n, voxels of the mask)."""
    values = crops[:, mask]
    values -= values.mean(axis=1, keepdims=True)
    return values.astype(np.float64)


def mean_pair_snr(inner_products: NDArray[np.float64]) -> float:
    """Mean of c / (1 - c) over pairs, from the inner products (n, n) of mean-free crops."""
    norms = np.sqrt(np.diag(inner_products))
    pairs = np.triu_indices(len(norms), k=1)
    c = (inner_products / np.outer(norms, norms))[pairs]
    return float(np.mean(c / (1 - c)))


def measure_snr(
    volume: NDArray[np.float32], particles: Particles, mask: NDArray[np.bool_]
) -> float:
    """SNR of a tomogram, from the aligned crops of one complex."""
    return snr_of_crops(aligned_crops(volume, particles, len(mask)), mask)


def snr_of_crops(crops: NDArray[np.float32], mask: NDArray[np.bool_]) -> float:
    """SNR of the aligned crops (n, s, s, s) of one complex, inside a mask (s, s, s)."""
    values = _mean_free(crops, mask)
    return mean_pair_snr(values @ values.T)


class NoiseScale:
    """SNR of signal + s * noise as a function of s."""

    def __init__(
        self,
        signal: NDArray[np.float32],
        noise: NDArray[np.float32],
        particles: Particles,
        mask: NDArray[np.bool_],
    ) -> None:
        """Measure the inner products of the aligned crops of both parts."""
        of_signal = _mean_free(aligned_crops(signal, particles, len(mask)), mask)
        of_noise = _mean_free(aligned_crops(noise, particles, len(mask)), mask)
        cross = of_signal @ of_noise.T
        self._constant = of_signal @ of_signal.T
        self._linear = cross + cross.T
        self._quadratic = of_noise @ of_noise.T
        self._unit = float(np.sqrt(np.trace(self._constant) / np.trace(self._quadratic)))

    def snr(self, scale: float) -> float:
        """SNR at a noise scale."""
        return mean_pair_snr(self._constant + scale * self._linear + scale**2 * self._quadratic)

    def solve(self, target: float) -> float:
        """Noise scale at which the SNR is `target`.

        Raises SNRError where that lies above the SNR without noise.
        """
        ceiling = self.snr(0)
        if target > ceiling:
            raise SNRError(
                f"snr.datasets: SNR {target:g} was asked for, and without any noise the tomogram "
                f"has {ceiling:.3g}: neighbours, CTF and missing wedge count as noise; ask for "
                "less, for fewer particles (specimen.particles), or for snr.region: particle"
            )
        upper = self._unit
        while self.snr(upper) > target:
            upper *= 2
        root = scipy.optimize.brentq(lambda s: self.snr(s) - target, 0, upper, xtol=1e-6 * upper)
        return float(root)

    def curve(self, scale: float) -> list[tuple[float, float]]:
        """Noise scales and SNRs around a solution, and without noise, for a figure."""
        scales = scale * np.concatenate([[0], np.geomspace(0.1, 10, _CURVE_POINTS)])
        return [(float(s), self.snr(float(s))) for s in scales]
