"""Defocus across a tilted field.

At tilt a, a point (x, z) of the specimen has its image at u = x cos(a) + z sin(a), and lies
z cos(a) - x sin(a) farther along the beam than the tilt axis. Its defocus is larger by as much,
since the beam runs towards larger z (`rlnTomoHand` 1 in RELION). The specimen is taken as thin,
z = 0, so that the defocus changes by -u tan(a).

A projection is split into layers of one defocus each, by weights that change linearly between them.
Where neighbouring layers differ by a phase d in the CTF, the error of this is below d^2 / 8.
"""

import math

import numpy as np
from numpy.typing import NDArray

from ssn3d.microscope.ctf import wavelength_angstrom

_LARGEST_PHASE_STEP = 0.25  # radians at the Nyquist frequency: an error below 1 % of the CTF


def defocus_offsets_um(
    size_x: int, tilt_deg: float, pixel_size_angstrom: float
) -> NDArray[np.float64]:
    """How much the defocus of each column of pixels (x,) differs from that of the tilt axis."""
    beside = (np.arange(size_x) - size_x // 2) * pixel_size_angstrom * 1e-4
    return np.asarray(-beside * math.tan(math.radians(tilt_deg)))


def defocus_layers(
    size_x: int, tilt_deg: float, pixel_size_angstrom: float, voltage_kv: float
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Offsets of the layers' defocus in um (k,), and weights of the columns in each (k, x)."""
    offsets = defocus_offsets_um(size_x, tilt_deg, pixel_size_angstrom)
    radians_per_um = (
        math.pi * wavelength_angstrom(voltage_kv) * 1e4 / (2 * pixel_size_angstrom) ** 2
    )
    steps = math.ceil(np.ptp(offsets) * radians_per_um / _LARGEST_PHASE_STEP)
    layers = np.linspace(offsets.min(), offsets.max(), steps + 1)
    weights = [np.interp(offsets, layers, one) for one in np.eye(steps + 1)]
    return layers, np.stack(weights).astype(np.float32)
