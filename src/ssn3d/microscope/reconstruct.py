"""Weighted back-projection: tilt images, filtered across the tilt axis, are back-projected.

f(z, x) is the integral over tilts of the ramp-filtered projections (Kak & Slaney 1988, ch. 3).
Tilts that were not recorded contribute nothing: the missing wedge.
"""

from collections.abc import Callable, Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from ssn3d.core.parallel import parallel_map
from ssn3d.microscope.projector import Projector

_BATCH = 2  # images at once; their spectra stay in the cache
_EQUAL = 1e-6  # relative difference of steps that differ by rounding only
_SIRT_RATE = 0.002
"""Frequency in cycles per pixel below which one iteration of SIRT suffices."""

Correct = Callable[[int, torch.Tensor], torch.Tensor]
"""A function that corrects an image (y, x), given its place among those reconstructed."""


def ramp(size: int, device: torch.device | str = "cpu") -> torch.Tensor:
    """Ramp filter (size // 2 + 1,), the transform of the sampled band-limited ramp.

    Sampling |frequency| itself would lose the mean (Kak & Slaney 1988, eq. 61).
    """
    offset = torch.fft.fftfreq(size, 1 / size, device=device, dtype=torch.float64)
    odd = torch.remainder(offset, 2) == 1
    kernel = torch.where(odd, -1 / (torch.pi * torch.where(odd, offset, 1)) ** 2, 0.0)
    kernel[0] = 0.25
    weights: torch.Tensor = torch.fft.rfft(kernel).real.float()
    return weights


def soft_end(
    cycles_per_pixel: NDArray[np.float64], cutoff: float, falloff: float
) -> NDArray[np.float64]:
    """Factor of the ramp: 1 up to the cut-off, then a Gaussian of standard deviation `falloff`."""
    beyond = np.maximum(cycles_per_pixel - cutoff, 0)
    return np.asarray(np.exp(-((beyond / falloff) ** 2) / 2))


def sirt_like(cycles_per_pixel: NDArray[np.float64], iterations: float) -> NDArray[np.float64]:
    """Factor of the ramp that resembles n iterations of SIRT, 1 - (1 - a / k)^n.

    Each iteration adds a fraction a / k of what is missing at frequency k, as back-projection
    weighs a frequency by 1 / k. a, a constant of programs, depends on the thickness.
    """
    missing = 1 - _SIRT_RATE / np.maximum(cycles_per_pixel, _SIRT_RATE)
    return np.asarray(1 - missing**iterations)


def filter_factor(
    kind: str | bool, numbers: Mapping[str, float], size_x: int
) -> NDArray[np.float64] | float:
    """Factor of the ramp (size_x + 1,) for rows of size_x pixels, zero-padded to twice their width.

    `kind` is ramp, ramp_soft or sirt_like; `numbers` are those of an acquisition.
    """
    cycles_per_pixel = np.linspace(0, 0.5, size_x + 1)
    if kind == "ramp_soft":
        ends = (numbers[f"reconstruction.soft_{e}_cycles_per_pixel"] for e in ("cutoff", "falloff"))
        return soft_end(cycles_per_pixel, *ends)
    if kind == "sirt_like":
        return sirt_like(cycles_per_pixel, numbers["reconstruction.sirt_iterations"])
    return 1.0


def tilt_spacings_deg(angle_deg: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share (n,) of rising tilts (n,) in an integral over them: half the gaps to both neighbours.

    Beyond the first and the last tilt it is half the median gap.
    """
    gaps = np.diff(angle_deg)
    if np.ptp(gaps) <= _EQUAL * gaps.mean():
        step = (angle_deg[-1] - angle_deg[0]) / len(gaps)
        return np.full(len(angle_deg), step)
    outer = np.median(gaps)
    return np.asarray((np.append(outer, gaps) + np.append(gaps, outer)) / 2)


def filtered_rows(
    tilts: NDArray[np.float32],
    factor: NDArray[np.float64] | float = 1.0,
    correct: Correct | None = None,
    device: torch.device | str = "cpu",
) -> NDArray[np.float32]:
    """Filter images (tilt, y, x) along x by the ramp, zero-padded to twice their width.

    The factor of the ramp is (x + 1,) at frequencies 0 to 1/2. Images are corrected before the
    filter.
    """
    size = 2 * tilts.shape[-1]
    weights = ramp(size, device) * torch.as_tensor(factor, dtype=torch.float32, device=device)
    filtered = np.empty_like(tilts)

    def filter_batch(low: int) -> None:
        batch = torch.from_numpy(np.ascontiguousarray(tilts[low : low + _BATCH])).to(device)
        if correct is not None:
            batch = torch.stack([correct(low + i, image) for i, image in enumerate(batch)])
        spectrum = torch.fft.rfft(batch, n=size) * weights
        result = torch.fft.irfft(spectrum, n=size)[..., : tilts.shape[-1]]
        filtered[low : low + _BATCH] = result.cpu().numpy()

    parallel_map(filter_batch, range(0, len(tilts), _BATCH))
    return filtered


def reconstruct(
    tilts: NDArray[np.float32],
    projector: Projector,
    spacing_deg: NDArray[np.float64] | float,
    factor: NDArray[np.float64] | float = 1.0,
    correct: Correct | None = None,
) -> NDArray[np.float32]:
    """Reconstruct a volume (z, y, x) from images (tilt, y, x).

    The spacing of the tilts is (tilts,) or one for all (`tilt_spacings_deg`); for the factor and
    the correction see `filtered_rows`.
    """
    weighted = filtered_rows(tilts, factor, correct, projector.device)
    weighted *= np.deg2rad(np.reshape(spacing_deg, (-1, 1, 1))).astype(np.float32)
    return projector.backproject(weighted)
