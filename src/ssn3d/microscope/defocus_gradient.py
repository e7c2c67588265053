"""Paths through a slab of ice, and the defocus across it, in tilt images.

At tilt a, a point (x, z) of the specimen has its image at u = x cos(a) + z sin(a), and lies
h = z cos(a) - x sin(a) farther along the beam than the tilt axis. Its defocus is larger by as much,
since the beam runs towards larger z (`rlnTomoHand` 1 in RELION). The specimen is taken as thin: it
is the middle plane of its slab, through the tilt axis and normal to n. A point of it with its image
at (u, y) has h = -(u n.e + y n_y) / n.b, with b and e the directions of the beam and of u. In a
level slab the defocus changes by -u tan(a).

A beam passes thickness / |n.b| of the slab.

A projection is split into layers of one defocus each, by weights that change linearly between them.
Where neighbouring layers differ by a phase d in the CTF, the error of this is below d^2 / 8.
"""

import math

import numpy as np
from numpy.typing import NDArray

from ssn3d.microscope.ctf import wavelength_angstrom

_LARGEST_PHASE_STEP = 0.25  # radians at the Nyquist frequency: an error below 1 % of the CTF


def beam_cosines(tilt_deg: NDArray[np.float64], normal: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cosines (tilts,) of the angles between the beam and a slab's normal (z, y, x)."""
    angles = np.deg2rad(tilt_deg)
    return np.asarray(normal[0] * np.cos(angles) - normal[2] * np.sin(angles))


def defocus_slopes(
    tilt_deg: NDArray[np.float64], normal: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Change of the defocus per distance along y and along x in each tilt image, (tilts, 2).

    `normal` (z, y, x) is that of the specimen's slab.
    """
    angles = np.deg2rad(tilt_deg)
    along_x = normal[0] * np.sin(angles) + normal[2] * np.cos(angles)
    slopes = np.stack([np.full_like(angles, normal[1]), along_x], axis=1)
    return np.asarray(-slopes / beam_cosines(tilt_deg, normal)[:, None])


def defocus_offsets_um(
    shape: tuple[int, int], slopes: NDArray[np.float64], pixel_size_angstrom: float
) -> NDArray[np.float64]:
    """Defocus of each pixel (y, x) of an image, relative to the tilt axis."""
    y, x = ((np.arange(n) - n // 2) * pixel_size_angstrom * 1e-4 for n in shape)
    return np.asarray(slopes[0] * y[:, None] + slopes[1] * x)


def defocus_layers(
    offsets_um: NDArray[np.float64], pixel_size_angstrom: float, voltage_kv: float
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Defocus offsets of layers in um (k,), and weights of the pixels in each (k, y, x)."""
    radians_per_um = (
        math.pi * wavelength_angstrom(voltage_kv) * 1e4 / (2 * pixel_size_angstrom) ** 2
    )
    span = float(np.ptp(offsets_um))
    steps = math.ceil(span * radians_per_um / _LARGEST_PHASE_STEP)
    layers = np.linspace(offsets_um.min(), offsets_um.max(), steps + 1)
    places = ((offsets_um - layers[0]) / (span or 1) * steps).astype(np.float32)
    return layers, np.stack([np.clip(1 - np.abs(places - k), 0, 1) for k in range(steps + 1)])
