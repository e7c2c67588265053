"""Significance of a Fourier shell correlation, and the resolution that it supports.

Both half sets are first aligned to one reference, so noise agrees up to the reference's highest
shell, and some shells beyond because of the mask. Agreement there proves nothing. In the next
shell, the correlation must exceed what noise reaches by chance in the independent values that the
mask leaves.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssn3d.averaging.fsc import first_below, resolution_angstrom

_SMEAR = 0.715
"""First zero of a sphere's transform, in periods per radius."""
_SIGMAS = 3.0


@dataclass(frozen=True)
class Evidence:
    """Correlation that an FSC must reach to be significant."""

    shared_shell: int
    """Last shell in which averages of noise agree, by their common reference."""
    least: float
    """Correlation in the next shell that noise rarely reaches."""

    def supports(self, correlations: NDArray[np.float64], threshold: float) -> bool:
        """True if a curve (n,) stays above a threshold beyond what noise explains."""
        beyond = self.shared_shell + 1
        if first_below(correlations, threshold) <= beyond:
            return False
        return bool(correlations[beyond] >= self.least)


def evidence(sphere: NDArray[np.float32], first_shell: int, order: int) -> Evidence:
    """Compute the FSC of averages of noise.

    Args:
        sphere: (s, s, s), soft mask of particles, references and averages.
        first_shell: highest shell of the common reference.
        order: number of rotations of the point group.
    """
    size = len(sphere)
    radius = (3 * float(sphere.sum()) / (4 * np.pi)) ** (1 / 3)
    shared = min(first_shell + int(np.ceil(_SMEAR * size / radius)), size // 2)
    power = sphere.astype(np.float64) ** 2
    independent = power.sum() ** 2 / (power**2).sum() / size**3  # of the values of a shell
    values = 4 * np.pi * (shared + 1) ** 2 * independent / order
    return Evidence(shared, float(_SIGMAS / np.sqrt(values)))


def describe(
    name: str, correlations: NDArray[np.float64], shown: Evidence, box_angstrom: float
) -> str:
    """Describe the resolutions at which a curve (n,) falls below 0.5 and 0.143, if significant."""
    shared_angstrom = box_angstrom / shown.shared_shell
    parts = []
    for threshold in (0.5, 0.143):
        found = resolution_angstrom(correlations, threshold, box_angstrom)
        if not shown.supports(correlations, threshold):
            parts.append(f"{threshold:g} not significant")
        elif first_below(correlations, threshold) == len(correlations):
            parts.append(f"{threshold:g} not reached, above it to the last shell, {found:.1f} A")
        else:
            parts.append(f"{threshold:g} at {found:.1f} A")
    text = f"FSC, {name}: {', '.join(parts)}"
    if "not significant" in text:
        text += (
            f" (to {shared_angstrom:.1f} A, noise aligned to one reference agrees as well; a "
            "coarser --first-resolution leaves a larger range to be tested)"
        )
    return text
