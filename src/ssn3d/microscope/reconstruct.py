"""Weighted back-projection: tilt images, ramp-filtered across the tilt axis, are back-projected.

f(z, x) is the integral over tilts of the ramp-filtered projections (Kak & Slaney 1988, ch. 3).
Tilts that were not recorded contribute nothing: the missing wedge.
"""

import numpy as np
import torch
from numpy.typing import NDArray

from ssn3d.core.parallel import parallel_map
from ssn3d.microscope.projector import Projector

_BATCH = 2  # images at once; their spectra stay in the cache


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


def ramp_filter(
    tilts: NDArray[np.float32], device: torch.device | str = "cpu"
) -> NDArray[np.float32]:
    """Filter images (tilt, y, x) along x, zero-padded to twice their width."""
    size = 2 * tilts.shape[-1]
    weights = ramp(size, device)
    filtered = np.empty_like(tilts)

    def filter_batch(low: int) -> None:
        batch = torch.from_numpy(np.ascontiguousarray(tilts[low : low + _BATCH])).to(device)
        spectrum = torch.fft.rfft(batch, n=size) * weights
        result = torch.fft.irfft(spectrum, n=size)[..., : tilts.shape[-1]]
        filtered[low : low + _BATCH] = result.cpu().numpy()

    parallel_map(filter_batch, range(0, len(tilts), _BATCH))
    return filtered


def reconstruct(
    tilts: NDArray[np.float32], projector: Projector, tilt_step_deg: float
) -> NDArray[np.float32]:
    """Reconstruct a volume (z, y, x) from images (tilt, y, x) a tilt step apart."""
    weighted = ramp_filter(tilts, projector.device)
    weighted *= np.float32(np.deg2rad(tilt_step_deg))
    return projector.backproject(weighted)
