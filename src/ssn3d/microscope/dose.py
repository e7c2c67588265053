"""Acquisition order of tilts, their exposures, and damping by radiation damage.

An exposure of N electrons per square angstrom leaves exp(-N / (2 Ne)) of an amplitude of spatial
frequency k, in 1/angstrom, with the critical exposure Ne = 0.245 k^-1.665 + 2.81 at 300 kV (Grant &
Grigorieff 2015, eLife 4, e06980, eq. 3 and 5). Damage per electron goes with 1 / (v/c)^2, so that
Ne is 0.80 times as large at 200 kV, as those authors also have it.
"""

import numpy as np
import scipy.special
from numpy.typing import NDArray

from ssn3d.microscope.settings import DoseSettings

_FACTOR, _POWER, _CONSTANT = 0.245, 1.665, 2.81
_MEASURED_AT_KV = 300.0
_ELECTRON_REST_ENERGY_KEV = 510.99895


def acquisition_order(tilt_deg: NDArray[np.float64], order: str) -> NDArray[np.int_]:
    """Indices (n,) of rising tilts (n,) in the order of acquisition.

    - unidirectional: from the lowest to the highest;
    - bidirectional: from the tilt nearest to 0 to the highest, then from there to the lowest;
    - dose-symmetric: 0, 1, -1, -2, 2, 3, -3, ... (Hagen et al. 2017, J. Struct. Biol. 197, 191).
    """
    steps = np.arange(len(tilt_deg)) - int(np.argmin(np.abs(tilt_deg)))
    if order == "unidirectional":
        return np.arange(len(tilt_deg))
    if order == "bidirectional":
        return np.lexsort((np.abs(steps), steps < 0))
    second = np.where(steps % 2 == 1, steps < 0, steps > 0)  # of two tilts as far from the start
    return np.lexsort((second, np.abs(steps)))


def exposures(
    tilt_deg: NDArray[np.float64], dose: DoseSettings, total: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Electrons per square angstrom before each tilt and during it, (n,) each, from their total."""
    shares = np.ones(len(tilt_deg))
    if dose.exposure == "inverse-cosine":
        shares = 1 / np.cos(np.deg2rad(tilt_deg))
    during = total * shares / shares.sum()
    order = acquisition_order(tilt_deg, dose.order)
    before = np.empty_like(during)
    before[order] = np.cumsum(during[order]) - during[order]
    return before, during


def loss_per_dose(
    frequency_per_angstrom: NDArray[np.float64], voltage_kv: float
) -> NDArray[np.float64]:
    """Rate 1 / (2 Ne) at which exposure damps amplitudes; 0 at frequency 0."""
    power = frequency_per_angstrom**_POWER
    loss = power / (_FACTOR + _CONSTANT * power) / 2
    return loss * (_speed_squared(_MEASURED_AT_KV) / _speed_squared(voltage_kv))


def damping(loss: NDArray[np.float64], before: float, during: float) -> NDArray[np.float64]:
    """Remaining fraction of amplitudes, averaged over one exposure.

    `loss` is that of `loss_per_dose`, `before` and `during` those of `exposures`.
    """
    return np.asarray(np.exp(-before * loss) * scipy.special.exprel(-during * loss))


def _speed_squared(voltage_kv: float) -> float:
    """Square of an electron's speed, in units of that of light."""
    return 1 - 1 / (1 + voltage_kv / _ELECTRON_REST_ENERGY_KEV) ** 2
