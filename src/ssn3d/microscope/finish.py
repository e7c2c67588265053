"""Steps that follow the reconstruction of a tomogram, each with a probability.

In this order: high-pass filter, deconvolution of the CTF, low-pass filter, quantisation. The first
three multiply the volume's Fourier transform by one function of the frequency k, in 1/angstrom:

- low-pass exp(-(k d)^2 / 2), with d the period, and high-pass 1 minus that;
- deconvolution c / (c^2 + 1 / SNR(k)), with c the CTF, positive at low frequencies, and an assumed
  SNR(k) = 1000^strength exp(-200 k falloff) (1 - cos(pi min(1, k d))), as in Warp (Tegunov & Cramer
  2019, Nat. Methods 16, 1146) and IsoNet (Liu et al. 2022, Nat. Commun. 13, 6482).

Protein stays dark.
"""

import numpy as np
import scipy.fft
import torch
from numpy.typing import NDArray

from ssn3d.core.parallel import parallel_map
from ssn3d.core.ranges import draw
from ssn3d.core.seeds import generator
from ssn3d.microscope.acquisition import Acquisition
from ssn3d.microscope.ctf import ctf
from ssn3d.microscope.processing_settings import FinishSettings
from ssn3d.microscope.settings import Optics

_SAMPLES = 2_000_000
"""Voxels, evenly spaced, from which percentiles are estimated."""
_CURVE_POINTS = 4096


def draw_finish(settings: FinishSettings, seed: int, *keys: str) -> dict[str, dict[str, float]]:
    """Draw the numbers of a tomogram's steps, by step; steps that it lacks are missing."""
    drawn = {}
    for step, options in settings:
        if options is None:
            continue
        rng = generator(seed, "finish", *keys, step)
        has = rng.random() < options.probability
        numbers = {key: draw(value, rng) for key, value in options if key != "probability"}
        if has:
            drawn[step] = numbers
    return drawn


def transfer(
    frequency_per_angstrom: NDArray[np.float64],
    steps: dict[str, dict[str, float]],
    optics: Optics,
    defocus_um: float,
    *,
    flipped: bool,
) -> NDArray[np.float64]:
    """Product of the transfer functions of the steps at frequencies of any shape.

    `flipped` is true if the phases of the CTF are already corrected.
    """
    k, product = frequency_per_angstrom, np.ones_like(frequency_per_angstrom)
    if "high_pass" in steps:
        product *= -np.expm1(-((k * steps["high_pass"]["period_angstrom"]) ** 2) / 2)
    if "deconvolution" in steps:
        numbers = steps["deconvolution"]
        rise = 1 - np.cos(np.pi * np.minimum(1, k * numbers["high_pass_angstrom"]))
        snr = 1000 ** numbers["strength"] * np.exp(-200 * numbers["falloff"] * k) * rise
        contrast = -ctf(k, optics, defocus_um)
        contrast = np.abs(contrast) if flipped else contrast
        product *= contrast * snr / (contrast**2 * snr + 1)
    if "low_pass" in steps:
        product *= np.exp(-((k * steps["low_pass"]["period_angstrom"]) ** 2) / 2)
    return product


def finish(
    volume: NDArray[np.float32],
    voxel_size_angstrom: float,
    steps: dict[str, dict[str, float]],
    optics: Optics,
    taken: Acquisition,
) -> NDArray[np.float32]:
    """Apply the steps of `draw_finish` to a tomogram (z, y, x); its memory may be reused."""
    if steps.keys() - {"quantisation"}:
        highest = np.sqrt(3) / 2 / voxel_size_angstrom
        frequency = np.linspace(0, highest, _CURVE_POINTS)
        flipped = taken.choices["ctf_correction"] == "phase_flip"
        defocus_um = float(taken.tilts.corrected_defocus_um.mean())
        curve = transfer(frequency, steps, optics, defocus_um, flipped=flipped)
        volume = _filtered(volume, voxel_size_angstrom, frequency, curve)
    if "quantisation" in steps:
        numbers = steps["quantisation"]
        _quantise(volume, int(numbers["bits"]), numbers["clipped_percent"])
    return volume


def _filtered(
    volume: NDArray[np.float32],
    voxel_size_angstrom: float,
    frequency_per_angstrom: NDArray[np.float64],
    curve: NDArray[np.float64],
) -> NDArray[np.float32]:
    """Multiply a volume's transform by a curve over frequencies."""
    workers = torch.get_num_threads()
    spectrum = scipy.fft.rfftn(volume, workers=workers)
    z, y = (scipy.fft.fftfreq(n, voxel_size_angstrom) for n in volume.shape[:2])
    x = scipy.fft.rfftfreq(volume.shape[2], voxel_size_angstrom)
    in_plane = y[:, None] ** 2 + x**2

    def multiply(i: int) -> None:
        k = np.sqrt(z[i] ** 2 + in_plane)
        spectrum[i] *= np.interp(k, frequency_per_angstrom, curve).astype(np.float32)

    parallel_map(multiply, range(len(z)))
    filtered: NDArray[np.float32] = scipy.fft.irfftn(
        spectrum, volume.shape, workers=workers, overwrite_x=True
    )
    return filtered


def _quantise(volume: NDArray[np.float32], bits: int, clipped_percent: float) -> None:
    """Stretch values between two percentiles to whole numbers from 0 to 2^bits - 1, in place."""
    sample = volume.reshape(-1)[:: max(volume.size // _SAMPLES, 1)]
    low, high = np.percentile(sample, [clipped_percent, 100 - clipped_percent])
    volume -= np.float32(low)
    volume *= np.float32((2**bits - 1) / (high - low) if high > low else 0)
    np.clip(np.rint(volume, out=volume), 0, 2**bits - 1, out=volume)
