"""Calibration of the noise of one tomogram, by one of three definitions of the SNR.

`snr` compares pairs of aligned particles of a reference structure, `variance_snr` the variances of
signal and noise in the regions of particles of any class, `band_snr` the power of macromolecules in
a band with the variance of noise.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssn3d.core.background import classes_of_labels
from ssn3d.io.files import PathLike, read_json
from ssn3d.io.mrc import read_mrc
from ssn3d.io.particles.simulated import read_background, read_particles
from ssn3d.microscope.band_snr import signal_power
from ssn3d.microscope.noise_scale import NoiseScale
from ssn3d.microscope.settings import ANY_REFERENCE, BAND, ReferenceSettings
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

_EVERY_SECTION = 8
"""One in so many sections tells the variance of the noise that was added."""


@dataclass(frozen=True)
class Calibration:
    """The SNR as a function of the noise scale, and the SNR measured on a finished tomogram."""

    model: NoiseScale | VarianceScale
    measure: Callable[[NDArray[np.float32]], dict[str, float]]
    """SNR of a tomogram (z, y, x) by region."""
    region: str
    """Region whose SNR is set."""


def calibration(
    parts: tuple[NDArray[np.float32], NDArray[np.float32]],
    files: Mapping[str, PathLike],
    settings: ReferenceSettings,
    size_voxels: int,
    voxel_size_angstrom: float,
) -> Calibration:
    """Calibrate the noise of a tomogram, by cubes of `size_voxels` around reference particles.

    `parts` are the tomogram without noise (z, y, x), and noise of scale 1; `files` are `particles`,
    `specimen` (the summary, with the bounding spheres) and, if the SNR is that of a band, `labels`
    and `ground`.
    Raises SNRError if there are too few particles.
    """
    signal, noise = parts
    particles = read_particles(files["particles"])
    if settings.reference_id == BAND:
        instances, _ = read_mrc(files["labels"], signal.shape)
        kinds = read_background(files["ground"]).kinds
        classes = classes_of_labels(instances, len(particles), kinds)
        return _by_band(signal, noise, classes, len(particles), voxel_size_angstrom)
    record = read_json(files["specimen"], "bounding_radius_voxels", "bounding_centre_voxels")
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

    scale = NoiseScale(signal, noise, reference, masks[settings.region])
    return Calibration(scale, measure, settings.region)


def _by_band(
    signal: NDArray[np.float32],
    noise: NDArray[np.float32],
    classes: NDArray[np.uint8],
    particles: int,
    voxel_size_angstrom: float,
) -> Calibration:
    """Calibrate by the power of macromolecules in a band."""
    power = signal_power(signal, classes, voxel_size_angstrom)
    some = slice(None, None, _EVERY_SECTION)
    clean = signal[some].copy()  # noise is added in place

    def measure(volume: NDArray[np.float32]) -> dict[str, float]:
        return {BAND: power / float((volume[some] - clean).var(dtype=np.float64))}

    scale = VarianceScale(power / float(noise.var(dtype=np.float64)), particles)
    return Calibration(scale, measure, BAND)


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

    of_noise = [one.values(noise) for one in regions[region]]
    of_unit_noise = variance_snr(clean[region], of_noise)
    return Calibration(VarianceScale(of_unit_noise, len(of_noise)), measure, region)
