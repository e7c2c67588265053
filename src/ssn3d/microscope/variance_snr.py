"""Signal-to-noise ratio as a ratio of variances, for specimens without a reference structure.

In the region of each particle, of whatever class, the mean of signal and noise is subtracted; the
SNR is the sum of squares of the signal over that of the noise, over all regions. The signal is the
tomogram without noise: neighbours, missing wedge and CTF count as signal, so that there is no
ceiling. `snr` counts as signal only what aligned particles have in common: in tests, it read the
same to 6 times lower at the same noise.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssn3d.core.cubes import crop_corners
from ssn3d.core.errors import SNRError
from ssn3d.core.particles import Particles
from ssn3d.microscope.snr import Sphere


@dataclass(frozen=True)
class Region:
    """Voxels of one particle within a volume."""

    box: tuple[slice, ...]
    mask: NDArray[np.bool_]
    """Voxels of the box."""

    def values(self, volume: NDArray[np.float32]) -> NDArray[np.float64]:
        """Values of a volume minus their mean (n,)."""
        found = volume[self.box][self.mask].astype(np.float64)
        return np.asarray(found - found.mean())


def particles_inside(particles: Particles, max_particles: int, shape: tuple[int, ...]) -> Particles:
    """At most `max_particles` particles with their centre in the tomogram, spread over the table.

    Raises SNRError if there is none.
    """
    inside = ((particles.centres >= 0) & (particles.centres <= np.array(shape) - 1)).all(axis=1)
    rows = np.flatnonzero(inside)
    if not len(rows):
        raise SNRError(
            "snr.reference_id: no particle has its centre inside the tomogram, on which the SNR "
            "could be measured; ask for more particles (specimen.particles)"
        )
    return particles[rows[np.linspace(0, len(rows) - 1, min(max_particles, len(rows))).astype(int)]]


def cubes(particles: Particles, size_voxels: int, shape: tuple[int, ...]) -> list[Region]:
    """Cubes around particles, cut off at the borders of the tomogram."""
    corners = crop_corners(particles.centres, size_voxels)
    boxes = [_box(corner, corner + size_voxels, shape) for corner in corners]
    return [Region(box, np.ones([s.stop - s.start for s in box], dtype=bool)) for box in boxes]


def bounding_spheres(
    particles: Particles, spheres: dict[str, Sphere], shape: tuple[int, ...]
) -> list[Region]:
    """Bounding spheres of particles, cut off at the borders of the tomogram."""
    regions = []
    for i in range(len(particles)):
        sphere = spheres[str(particles.pdb_ids[i])]
        centre = particles.centres[i] + particles.rotations[i] @ np.array(sphere.centre_voxels)
        low, high = centre - sphere.radius_voxels, centre + sphere.radius_voxels
        box = _box(np.floor(low).astype(int), np.ceil(high).astype(int) + 1, shape)
        z, y, x = np.ix_(*(np.arange(s.start, s.stop) for s in box))
        squared = (z - centre[0]) ** 2 + (y - centre[1]) ** 2 + (x - centre[2]) ** 2
        regions.append(Region(box, squared <= sphere.radius_voxels**2))
    return [region for region in regions if region.mask.any()]


def _box(
    first: NDArray[np.int_], stop: NDArray[np.int_], shape: tuple[int, ...]
) -> tuple[slice, ...]:
    """Part of a box within a volume."""
    return tuple(
        slice(int(np.clip(a, 0, n)), int(np.clip(b, 0, n)))
        for a, b, n in zip(first, stop, shape, strict=True)
    )


def variance_snr(
    signal: Sequence[NDArray[np.float64]], noise: Sequence[NDArray[np.float64]]
) -> float:
    """SNR from the values of signal and noise in each region, without their means."""
    return float(sum(v @ v for v in signal) / sum(v @ v for v in noise))


@dataclass(frozen=True)
class VarianceScale:
    """SNR of signal + s * noise as a function of s."""

    of_unit_noise: float
    particles: int
    """Number of particles by which it was measured."""

    def snr(self, scale: float) -> float | None:
        """SNR at a noise scale, None without noise."""
        return self.of_unit_noise / scale**2 if scale else None

    def solve(self, target: float) -> float:
        """Noise scale at which the SNR is `target`. Raises SNRError if there is no signal."""
        if not self.of_unit_noise > 0:
            raise SNRError(
                f"snr.datasets: SNR {target:g} is impossible, as the signal is constant in the "
                "regions of the particles; check the structures"
            )
        return float(np.sqrt(self.of_unit_noise / target))

    def curve(self, scale: float) -> list[tuple[float, float]]:
        """Pairs of noise scale and SNR around a solution."""
        scales = scale * np.geomspace(0.1, 10, 25)
        return [(float(s), self.of_unit_noise / float(s) ** 2) for s in scales]
