"""Fourier shell correlation (FSC) of two maps, its significance and its resolution.

Both half sets are first aligned to one reference, so noise agrees up to the reference's highest
shell, and some shells beyond because of the mask. Agreement there proves nothing. In the next
shell, the correlation must exceed what noise reaches by chance in the independent values that the
mask leaves.
"""

from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray

_EARLY_SHELLS = 3
_SMEAR = 0.715
"""First zero of a sphere's transform, in periods per radius."""
_SIGMAS = 3.0


def _shells(size: int) -> NDArray[np.int_]:
    """Shell of each value of a cube's rfftn: the rounded frequency in periods in the box."""
    full, half = scipy.fft.fftfreq(size, 1 / size), scipy.fft.rfftfreq(size, 1 / size)
    z, y, x = np.meshgrid(full, full, half, indexing="ij", sparse=True)
    return np.asarray(np.rint(np.sqrt(z**2 + y**2 + x**2)).astype(int))


def shell_correlation(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float64]:
    """Correlations (s // 2 + 1,) of two cubes (s, s, s) in the shells of 0, 1, 2, ... periods.

    A shell without power has correlation 0.
    """
    size = len(one)
    shells = _shells(size)
    stored_once = np.arange(shells.shape[2]) % (size / 2) == 0
    counted = np.where(stored_once, 1.0, 2.0)  # the conjugate half is not stored
    first, second = scipy.fft.rfftn(one), scipy.fft.rfftn(other)

    def total(values: NDArray[np.floating]) -> NDArray[np.float64]:
        weights = (values * counted).ravel()
        return np.bincount(shells.ravel(), weights)[: size // 2 + 1].astype(np.float64)

    together = total((first * second.conj()).real)
    power = total(np.abs(first) ** 2) * total(np.abs(second) ** 2)
    return np.divide(together, np.sqrt(power), out=np.zeros_like(together), where=power > 0)


def filtered(volume: NDArray[np.float32], factors: NDArray[np.float64]) -> NDArray[np.float32]:
    """Multiply the shells of a cube (s, s, s) by factors (s // 2 + 1,), and those beyond by 0."""
    shells = _shells(len(volume))
    beyond = np.append(factors, np.zeros(shells.max() + 1 - len(factors)))
    spectrum = scipy.fft.rfftn(volume) * beyond[shells]
    return np.asarray(scipy.fft.irfftn(spectrum, s=volume.shape), dtype=np.float32)


def first_below(correlations: NDArray[np.float64], threshold: float) -> int:
    """Find the shell at which a curve (n,) of shells 0, 1, ... falls below a threshold for good.

    That is the first of two successive shells below it, or the last shell: a dip of one shell is
    noise. Shell 0 is ignored, and so are dips before the curve first reaches the threshold within
    the first third of the shells (or the first three). The result is 1 for a curve that does not
    reach it there, and n for a curve that stays above.
    """
    count = len(correlations)
    below = correlations < threshold
    early = np.flatnonzero(~below[1 : 1 + max(_EARLY_SHELLS, count // 3)])
    if not len(early):
        return 1
    falls = below & np.append(below[1:], True)
    falls[: early[0] + 1] = False
    return int(falls.argmax()) if falls.any() else count


def resolution_angstrom(
    correlations: NDArray[np.float64], threshold: float, box_angstrom: float
) -> float:
    """Wavelength at which an FSC falls below a threshold (`first_below`), interpolated.

    Infinite if it does not reach the threshold; that of the last shell if it stays above.
    """
    shell = first_below(correlations, threshold)
    if shell == len(correlations):
        return box_angstrom / (shell - 1)
    if shell == 1:
        return float("inf")
    high, low = correlations[shell - 1], correlations[shell]
    return float(box_angstrom / (shell - 1 + (high - threshold) / (high - low)))


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
    """Compute the correlation that noise can explain.

    `sphere` (s, s, s) is the soft mask of particles, references and averages, `first_shell` the
    highest shell of the common reference, `order` the number of rotations of the point group.
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
            parts.append(f"{threshold:g} not shown")
        elif first_below(correlations, threshold) == len(correlations):
            parts.append(f"{threshold:g} not reached, above it to the last shell, {found:.1f} A")
        else:
            parts.append(f"{threshold:g} at {found:.1f} A")
    text = f"FSC, {name}: {', '.join(parts)}"
    if "not shown" in text:
        text += (
            f" (to {shared_angstrom:.1f} A, noise aligned to one reference agrees as well; a "
            "coarser --first-resolution leaves more to be shown)"
        )
    return text
