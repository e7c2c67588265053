"""Tilts of a series: equal steps from the lowest to the highest."""

import math

import numpy as np
from numpy.typing import NDArray

_OFF_STEP = 1e-3
"""Largest distance of the last tilt from the highest, in steps: 1/3 degree is never exact."""


def tilt_angles_deg(min_deg: float, max_deg: float, step_deg: float) -> NDArray[np.float64]:
    """Tilts (n,) from `min_deg` to `max_deg`, both included.

    Raises ValueError, with steps that fit, where the steps do not end at `max_deg`.
    """
    span = max_deg - min_deg
    steps = span / step_deg
    if abs(steps - round(steps)) > _OFF_STEP:
        before = math.floor(steps)
        last = min_deg + before * step_deg
        sizes = " or ".join(f"{span / n:.8g}" for n in (before + 1, before) if n)
        raise ValueError(
            f"steps of {step_deg:g} from {min_deg:g} do not reach max_deg, {max_deg:g}: the last "
            f"tilt would be {last:g}; use steps of {sizes}, or another max_deg"
        )
    return np.linspace(min_deg, max_deg, round(steps) + 1)
