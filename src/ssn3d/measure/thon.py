"""Defocus from the zeros of the CTF (Thon rings) in the power spectrum of a tomogram.

The logarithm of the power, corrected for back-projection, is fitted by a parabola of frequency plus
a multiple of log(1 + CTF^2), as of noise of which half enters before the CTF. Rings are seen if
they explain most of what the parabola leaves, and no other defocus explains it nearly as well.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssn3d.measure.spectrum import Spectrum
from ssn3d.microscope.ctf import ctf
from ssn3d.microscope.settings import Optics

_TRIALS_UM = np.arange(0.5, 12.001, 0.05)
_DEGREE = 2
_LOWEST_PER_ANGSTROM = 1 / 45
"""At lower frequencies molecules outweigh rings."""
_HIGHEST_CYCLES = 0.48
_FEWEST_SHELLS = 12
COARSEST_VOXEL_ANGSTROM = 14.0
"""In coarser voxels, the first zero of a defocus of 5 um lies beyond Nyquist or close to it."""
_LEAST_EXPLAINED = 0.6
"""Fraction of the variance left by the parabola that rings explain, at least."""
_LEAST_AMPLITUDE = 0.1
_RIVAL = 0.25
"""Fits whose residual is this much larger than the best are as good: their spread is the error."""
_WIDEST_UM = 0.7
"""Rings are ambiguous if defoci farther apart are as good."""


@dataclass(frozen=True)
class ThonRings:
    """A fit of the CTF's zeros."""

    defocus_um: float
    error_um: float
    """Half the range of the defoci that fit about as well."""
    zeros_angstrom: tuple[float, ...]
    """Resolution of the zeros within the fitted range."""
    explained_fraction: float


def find_rings(
    spectrum: Spectrum, optics: Optics, highest_per_angstrom: float | None = None
) -> ThonRings | None:
    """Fit the defocus to a spectrum; None if no rings are seen, or they are ambiguous.

    The defocus of the optics is ignored; data end at `highest_per_angstrom`, as by a low-pass
    filter.
    """
    frequency = spectrum.frequency_per_angstrom
    highest = min(highest_per_angstrom or np.inf, _HIGHEST_CYCLES / spectrum.voxel_size_angstrom)
    chosen = (frequency >= _LOWEST_PER_ANGSTROM) & (frequency <= highest)
    chosen &= np.nan_to_num(spectrum.per_distance) > 0
    if chosen.sum() < _FEWEST_SHELLS:
        return None
    k, y = frequency[chosen], np.log(spectrum.per_distance[chosen])
    smooth = np.vander(np.interp(k, [k[0], k[-1]], [-1, 1]), _DEGREE + 1)
    plain = _residual(smooth, y)[0]
    fits = [_fit(k, y, smooth, optics, float(d)) for d in _TRIALS_UM]
    left = np.array([left if multiple > 0 else plain for left, multiple in fits])
    best = int(np.argmin(left))
    close = _TRIALS_UM[left <= left[best] * (1 + _RIVAL)]
    explained, error = 1 - left[best] / plain, float(np.ptp(close)) / 2
    zeros = _zeros(optics, float(_TRIALS_UM[best]), k[0], k[-1])
    if (
        explained < _LEAST_EXPLAINED
        or fits[best][1] < _LEAST_AMPLITUDE
        or error > _WIDEST_UM
        or not zeros
        or best in {0, len(left) - 1}
    ):
        return None
    step = float(_TRIALS_UM[1] - _TRIALS_UM[0])
    return ThonRings(float(_TRIALS_UM[best]), max(error, step), zeros, float(explained))


def _fit(
    k: NDArray[np.float64],
    y: NDArray[np.float64],
    smooth: NDArray[np.float64],
    optics: Optics,
    defocus_um: float,
) -> tuple[float, float]:
    """Squared residual of a fit with rings of a defocus, and the multiple of the rings."""
    rings = np.log1p(ctf(k, optics, defocus_um) ** 2)
    residual, weights = _residual(np.column_stack([smooth, rings]), y)
    return residual, float(weights[-1])


def _residual(
    columns: NDArray[np.float64], y: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64]]:
    weights = np.asarray(np.linalg.lstsq(columns, y, rcond=None)[0], np.float64)
    return float(np.square(y - columns @ weights).mean()), weights


def _zeros(optics: Optics, defocus_um: float, low: float, high: float) -> tuple[float, ...]:
    """Resolutions in angstrom, between two frequencies, at which the CTF is 0."""
    k = np.linspace(low, high, 4000)
    curve = ctf(k, optics, defocus_um)
    places = np.flatnonzero(np.diff(np.sign(curve)))
    return tuple(float(1 / k[i]) for i in places)
