"""Calibration of the noise of one tomogram, by either definition of the SNR.

`snr` compares pairs of aligned particles of a reference structure, `variance_snr` the variances of
signal and noise in the regions of particles of any class.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssn3d.core.particles import Particles
from ssn3d.io.files import PathLike, read_json
from ssn3d.microscope.noise_scale import NoiseScale
from ssn3d.microscope.settings import ANY_REFERENCE, ReferenceSettings
from ssn3d.microscope.snr import (
    Sphere,
    aligned_crops,
    reference_particles,
    region_mask,
    snr_of_crops,
)
from ssn3d.microscope.variance_snr import (
    Region,
    VarianceScale,
    bounding_spheres,
    cubes,
    particles_inside,
    variance_snr,
)


@dataclass(frozen=True)
class Calibration:
    """The SNR as a function of the noise scale, and the SNR measured on a finished tomogram."""

    model: NoiseScale | VarianceScale
    measure: Callable[[NDArray[np.float32]], dict[str, float]]
    """SNR of a tomogram (z, y, x) by region."""


def calibration(
    parts: tuple[NDArray[np.float32], NDArray[np.float32]],
    particles: Particles,
    specimen_summary: PathLike,
    settings: ReferenceSettings,
    size_voxels: int,
) -> Calibration:
    """Calibrate the noise of a tomogram, by cubes of `size_voxels` around reference particles.

    `parts` are the tomogram without noise (z, y, x), and noise of scale 1; the specimen's summary
    has the bounding spheres. Raises SNRError if there are too few particles.
    """
    signal, noise = parts
    record = read_json(specimen_summary, "bounding_radius_voxels", "bounding_centre_voxels")
    radii, centres = record["bounding_radius_voxels"], record["bounding_centre_voxels"]
    spheres = {pdb_id: Sphere(radii[pdb_id], tuple(centres[pdb_id])) for pdb_id in radii}
    if settings.reference_id == ANY_REFERENCE:
        inside = particles_inside(particles, settings.max_particles, signal.shape)
        regions = {
            "cube": cubes(inside, size_voxels, signal.shape),
            "particle": bounding_spheres(inside, spheres, signal.shape),
        }
        return _by_variance(signal, noise, regions, settings.region)
    reference = reference_particles(particles, settings, size_voxels, signal.shape)
    sphere = spheres[settings.reference_id]
    masks = {name: region_mask(size_voxels, name, sphere) for name in ("cube", "particle")}

    def measure(volume: NDArray[np.float32]) -> dict[str, float]:
        crops = aligned_crops(volume, reference, size_voxels)
        return {name: snr_of_crops(crops, mask) for name, mask in masks.items()}

    return Calibration(NoiseScale(signal, noise, reference, masks[settings.region]), measure)


def _by_variance(
    signal: NDArray[np.float32],
    noise: NDArray[np.float32],
    regions: dict[str, list[Region]],
    region: str,
) -> Calibration:
    """Calibrate by the variances of signal and noise in regions."""
    clean = {name: [one.values(signal) for one in each] for name, each in regions.items()}

    def measure(volume: NDArray[np.float32]) -> dict[str, float]:
        measured = {}
        for name, each in regions.items():
            pairs = zip(each, clean[name], strict=True)
            measured[name] = variance_snr(clean[name], [r.values(volume) - v for r, v in pairs])
        return measured

    return Calibration(VarianceScale(signal, noise, regions[region]), measure)
