"""The noise scale that gives a tomogram a target SNR.

A tomogram is signal + s * noise; cropping, rotating and masking are linear. For any s, the
correlations of all pairs of aligned crops (see `snr`) therefore follow from three matrices of inner
products.
"""

import numpy as np
import scipy.optimize
from numpy.typing import NDArray

from ssn3d.core.blas import one_blas_thread
from ssn3d.core.errors import SNRError
from ssn3d.core.particles import Particles
from ssn3d.microscope.snr import aligned_crops, mean_free, mean_pair_snr

_CURVE_POINTS = 25
_MOST_DOUBLINGS = 20
"""Up to noise a million times as strong as the signal."""


class NoiseScale:
    """SNR of signal + s * noise as a function of s."""

    @one_blas_thread()
    def __init__(
        self,
        signal: NDArray[np.float32],
        noise: NDArray[np.float32],
        particles: Particles,
        mask: NDArray[np.bool_],
    ) -> None:
        """Measure the inner products of the aligned crops of both parts."""
        of_signal = mean_free(aligned_crops(signal, particles, len(mask)), mask)
        of_noise = mean_free(aligned_crops(noise, particles, len(mask)), mask)
        cross = of_signal @ of_noise.T
        self.particles = len(particles)
        self._constant = of_signal @ of_signal.T
        self._linear = cross + cross.T
        self._quadratic = of_noise @ of_noise.T

    def snr(self, scale: float) -> float:
        """SNR at a noise scale."""
        return mean_pair_snr(self._constant + scale * self._linear + scale**2 * self._quadratic)

    def solve(self, target: float) -> float:
        """Noise scale at which the SNR is `target`.

        Raises SNRError if the target is above the SNR without noise, or below that of noise alone.
        """
        ceiling = self.snr(0)
        if target > ceiling:
            raise SNRError(
                f"snr.datasets: SNR {target:g} is above that of the tomogram without noise, "
                f"{ceiling:.3g}, as neighbours, CTF, missing wedge and alignment errors count as "
                "noise; ask for a lower SNR, fewer particles (specimen.particles), smaller "
                "microscope.alignment_errors, or snr.region: particle"
            )
        upper = self._upper_bound(target)
        root = scipy.optimize.brentq(lambda s: self.snr(s) - target, 0, upper, xtol=1e-6 * upper)
        return float(root)

    def _upper_bound(self, target: float) -> float:
        """Noise scale at which the SNR is `target` or less. Raises SNRError if there is none."""
        as_strong = np.sqrt(np.trace(self._constant) / np.trace(self._quadratic))
        for scale in as_strong * 2.0 ** np.arange(_MOST_DOUBLINGS + 1):
            if self.snr(float(scale)) <= target:
                return float(scale)
        raise SNRError(
            f"snr.datasets: SNR {target:g} is below that of noise alone, "
            f"{mean_pair_snr(self._quadratic):.3g}, by chance correlation of the {self.particles} "
            "reference particles; ask for more of them (specimen.particles, snr.max_particles), "
            "larger cubes (subtomograms.size_voxels), or a higher SNR"
        )

    def curve(self, scale: float) -> list[tuple[float, float]]:
        """Pairs of noise scale and SNR: without noise, and around a solution."""
        scales = scale * np.concatenate([[0], np.geomspace(0.1, 10, _CURVE_POINTS)])
        return [(float(s), self.snr(float(s))) for s in scales]
