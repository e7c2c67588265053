"""The stage from files to files: a density in, tilt series and tomograms of set SNR out."""

import os
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssn3d.device import gpu_names, pick_device
from ssn3d.errors import SNRError
from ssn3d.files import read_json, write_json
from ssn3d.log import logger
from ssn3d.microscope.ctf import Optics
from ssn3d.microscope.detector import Camera, Detector
from ssn3d.microscope.projector import Projector, tilt_angles_deg
from ssn3d.microscope.reconstruct import reconstruct
from ssn3d.microscope.snr import (
    NoiseScale,
    SNRSettings,
    aligned_crops,
    reference_particles,
    region_mask,
    snr_of_crops,
)
from ssn3d.mrc import read_mrc, shape_of_mrc, write_mrc
from ssn3d.provenance import provenance
from ssn3d.seeds import generator
from ssn3d.star import read_particles

PathLike = str | os.PathLike[str]

SNR_TOLERANCE = 0.05
"""By how much the SNR of the final tomogram may miss what was asked for."""


@dataclass(frozen=True)
class MicroscopeSettings:
    """The `microscope` section of the configuration."""

    device: str
    tilt_min_deg: float
    tilt_max_deg: float
    tilt_step_deg: float
    optics: Optics
    detector: Detector

    @property
    def angles_deg(self) -> NDArray[np.float64]:
        """The tilts."""
        return tilt_angles_deg(self.tilt_min_deg, self.tilt_max_deg, self.tilt_step_deg)


def microscope_settings(section: Mapping[str, Any]) -> MicroscopeSettings:
    """Take the `microscope` section of the configuration."""
    return MicroscopeSettings(
        device=section["device"],
        **{f"tilt_{key}": value for key, value in section["tilt"].items()},
        optics=Optics(**section["optics"]),
        detector=Detector(**section["detector"]),
    )


def image_specimen(
    density: PathLike, settings: MicroscopeSettings, *, tilts: PathLike, signal: PathLike
) -> None:
    """Take the noise-free tilt series of a density, and reconstruct it.

    The mean density is taken off first: a constant slab gives no contrast but at the borders of
    the field, where a real specimen goes on.
    """
    started = time.perf_counter()
    volume, voxel_size = read_mrc(density)
    device = pick_device(settings.device)
    projector = Projector(volume.shape[0], volume.shape[2], settings.angles_deg, device)
    volume -= volume.mean(dtype=np.float64)
    camera = Camera(settings.optics, settings.detector, voxel_size, device)
    logger.info("projecting %d tilts", projector.tilts)
    projections = projector.project(volume)
    del volume  # of the large arrays, only those still needed are held at any time
    images = camera.image(projections)
    write_mrc(tilts, images, voxel_size, stack=True, label="ssn3d noise-free tilt series")
    logger.info("reconstructing")
    tomogram = reconstruct(images, projector, settings.tilt_step_deg)
    write_mrc(signal, tomogram, voxel_size, label="ssn3d noise-free tomogram")
    logger.info("%s: %.1f s", signal, time.perf_counter() - started)


def add_noise(
    *,
    signal: PathLike,
    tilts: PathLike,
    particles: PathLike,
    specimen_summary: PathLike,
    settings: MicroscopeSettings,
    snr_settings: SNRSettings,
    size_voxels: int,
    target: float,
    seed: int,
    keys: tuple[str, str],
    tomogram: PathLike,
    noisy_tilts: PathLike,
    summary: PathLike,
) -> None:
    """Make a tomogram of a set SNR: noise of its own, scaled until the SNR is as asked.

    Args:
        signal: the noise-free tomogram, from `image_specimen`.
        tilts: its tilt series.
        particles: STAR file, from `simulate_specimen`.
        specimen_summary: JSON file, from `simulate_specimen`.
        settings: the microscope.
        snr_settings: how the SNR is measured.
        size_voxels: edge of the cubes that it is measured on.
        target: the SNR asked for.
        seed: of the configuration.
        keys: names of the tomogram and the dataset; they single the noise out.
        tomogram: written, the noisy tomogram.
        noisy_tilts: written, the tilt series it is the reconstruction of.
        summary: written, SNR asked and measured, noise scale, and the calibration curve.

    Raises:
        SNRError: the target is above the SNR without noise, or is missed.
    """
    started = time.perf_counter()
    size_z, size_y, size_x = shape_of_mrc(signal)
    images, voxel_size = read_mrc(tilts, (len(settings.angles_deg), size_y, size_x))
    device = pick_device(settings.device)
    camera = Camera(settings.optics, settings.detector, voxel_size, device)
    noise_images = camera.unit_noise(images.shape, generator(seed, "noise", *keys))
    logger.info("reconstructing the noise")
    projector = Projector(size_z, size_x, settings.angles_deg, device)
    noise = reconstruct(noise_images, projector, settings.tilt_step_deg)
    del projector

    volume, _ = read_mrc(signal)
    everything = read_particles(particles)
    reference = reference_particles(everything, snr_settings, size_voxels, volume.shape)
    radii = read_json(specimen_summary, "bounding_radius_voxels")["bounding_radius_voxels"]
    radius = radii[snr_settings.reference_id]
    masks = {region: region_mask(size_voxels, region, radius) for region in ("cube", "particle")}
    model = NoiseScale(volume, noise, reference, masks[snr_settings.region])
    scale = model.solve(target)
    noise *= np.float32(scale)
    volume += noise
    noise_images *= np.float32(scale)
    images += noise_images
    del noise, noise_images
    crops = aligned_crops(volume, reference, size_voxels)
    measured = {region: snr_of_crops(crops, mask) for region, mask in masks.items()}
    achieved = measured[snr_settings.region]
    logger.info("SNR %.4g asked for, %.4g measured, noise scale %.4g", target, achieved, scale)
    if abs(achieved / target - 1) > SNR_TOLERANCE:
        raise SNRError(f"snr.datasets: SNR {target:g} asked for, {achieved:.4g} measured")

    write_mrc(tomogram, volume, voxel_size, label=f"ssn3d tomogram, SNR {achieved:.4g}")
    write_mrc(noisy_tilts, images, voxel_size, stack=True, label="ssn3d tilt series")
    write_json(
        summary,
        {
            "snr_asked": target,
            "snr_measured": achieved,
            "region": snr_settings.region,
            "snr_by_region": measured,
            "snr_without_noise": model.snr(0),
            "reference_particles": len(reference),
            "noise_scale": scale,
            "calibration": model.curve(scale),
            "seconds": time.perf_counter() - started,
            "provenance": provenance(
                seed=seed,
                settings={**asdict(settings), **asdict(snr_settings)},
                gpus=gpu_names(),
            ),
        },
    )
