"""Which resolutions a Fourier shell correlation shows, and which noise would show as well.

Both half sets begin with one reference, and a reference can be seen in noise: up to the highest
shell in which it is used, and some shells beyond, since what is compared is multiplied by a mask.
Agreement there proves nothing. In the first shell beyond, the correlation has to exceed what noise
reaches by chance in as few independent values as the mask leaves.
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
    """What an FSC must show to count as more than the common reference and noise."""

    shared_shell: int
    """Last shell in which averages of noise agree by their common reference."""
    least: float
    """Correlation that noise hardly reaches in the next shell."""

    def supports(self, correlations: NDArray[np.float64], threshold: float) -> bool:
        """True if a curve (n,) stays above a threshold beyond what noise explains."""
        beyond = self.shared_shell + 1
        if first_below(correlations, threshold) <= beyond:
            return False
        return bool(correlations[beyond] >= self.least)


def evidence(sphere: NDArray[np.float32], first_shell: int, order: int) -> Evidence:
    """Find what averages of noise show.

    Args:
        sphere: (s, s, s), soft mask of particles, references and averages.
        first_shell: the highest shell of the common reference.
        order: number of rotations of the point group, by which averages are symmetric.
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
    """Say at which resolutions a curve (n,) falls below 0.5 and 0.143, if it supports that."""
    shared_angstrom = box_angstrom / shown.shared_shell
    parts = []
    for threshold in (0.5, 0.143):
        found = resolution_angstrom(correlations, threshold, box_angstrom)
        if not shown.supports(correlations, threshold):
            parts.append(f"{threshold:g} not shown")
        elif first_below(correlations, threshold) == len(correlations):
            parts.append(f"{threshold:g} not reached, above it to the last shell, {found:.1f} A")
        else:
            parts.append(f"{threshold:g} at {found:.1f} A")
    said = f"FSC, {name}: {', '.join(parts)}"
    if "not shown" in said:
        said += (
            f" (to {shared_angstrom:.1f} A, noise aligned to one reference agrees as well; a "
            "coarser --first-resolution leaves more to be shown)"
        )
    return said
