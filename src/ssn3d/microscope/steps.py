"""The microscope stage on files: a density in, tilt series and tomograms of a set SNR out."""

import time
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssn3d.core.device import gpu_names, pick_device
from ssn3d.core.errors import SNRError
from ssn3d.core.log import logger
from ssn3d.core.parallel import parallel_map
from ssn3d.core.provenance import provenance
from ssn3d.core.seeds import generator
from ssn3d.io.files import PathLike, read_json, write_json
from ssn3d.io.mrc import read_mrc, write_mrc
from ssn3d.io.volumes import open_volume
from ssn3d.microscope.acquisition import (
    read_acquisition,
    sample_acquisition,
    write_acquisition,
)
from ssn3d.microscope.calibration import calibration
from ssn3d.microscope.correction import correction
from ssn3d.microscope.detector import Camera
from ssn3d.microscope.finish import draw_finish, finish
from ssn3d.microscope.noise_scale import NoiseScale
from ssn3d.microscope.projector import Projector
from ssn3d.microscope.reconstruct import filter_factor, reconstruct, tilt_spacings_deg
from ssn3d.microscope.settings import MicroscopeSettings, ReferenceSettings
from ssn3d.microscope.variance_snr import VarianceScale

EVERY = slice(0, None, 1)
HALVES = {"even": slice(0, None, 2), "odd": slice(1, None, 2)}
"""Tilts of half tomograms, counted from 0 by rising angle."""
SNR_TOLERANCE = 0.05
"""Largest relative deviation of the final tomogram's SNR from the target."""


def image_specimen(
    density: PathLike,
    settings: MicroscopeSettings,
    seed: int,
    tomogram_name: str,
    *,
    specimen: PathLike,
    tilts: PathLike,
    signal: PathLike,
    acquisition: PathLike,
    detector_table: PathLike | None = None,
) -> None:
    """Simulate the noise-free tilt series of a density, and reconstruct it.

    The mean density is subtracted first: a constant slab has no contrast except at the borders of
    the field, where a real specimen continues. Numbers that settings leave to chance are drawn by
    name and seed, and written to `acquisition` (JSON). `specimen` is the summary of
    `simulate_specimen`, with the slab of ice. `detector_table` is the file of `detector.mtf`.
    """
    started = time.perf_counter()
    volume, voxel_size = read_mrc(density)
    device = pick_device(settings.device)
    volume -= volume.mean(dtype=np.float64)
    numbers = read_json(specimen, "numbers")["numbers"]
    ice = {key: number for key, number in numbers.items() if key.startswith("ice.")}
    taken = sample_acquisition(settings, seed, tomogram_name, detector_table, ice)
    write_acquisition(acquisition, taken, settings, seed)
    camera = Camera(settings.optics, settings.detector, taken, voxel_size, device)
    projector = Projector(volume.shape[0], volume.shape[2], taken.tilts.angle_deg, device)
    logger.info("projecting %d tilts", projector.tilts)
    projections = projector.project(volume)
    del volume  # large arrays are freed as early as possible
    images = camera.image(projections)
    taken.alignment.misalign(images, voxel_size)
    half = settings.half_precision
    title = "ssn3d noise-free tilt series"
    write_mrc(tilts, images, voxel_size, stack=True, half_precision=half, label=title)
    logger.info("reconstructing")
    tomogram = _reconstructed(images, camera, projector.size_z)
    title = "ssn3d noise-free tomogram"
    write_mrc(signal, tomogram, voxel_size, half_precision=half, label=title)
    logger.info("%s: %.1f s", signal, time.perf_counter() - started)


def add_noise(
    files: Mapping[str, PathLike],
    settings: MicroscopeSettings,
    snr_settings: ReferenceSettings,
    *,
    size_voxels: int,
    target: float | list[float],
    seed: int,
    keys: tuple[str, str],
    tomogram: PathLike,
    tilts: PathLike,
    summary: PathLike,
    **halves: PathLike,
) -> None:
    """Add noise to a tomogram, scaled to the target SNR.

    `files` are `signal`, `tilts` and `acquisition`, of `image_specimen`, and `particles`,
    `specimen` (the summary) and, for the SNR of a band, `labels`, of `simulate_specimen`. The SNR
    is measured on cubes of `size_voxels`, and again on the noisy tomogram. `keys`, the names of
    tomogram and dataset, seed the noise together with `seed`. Writes the tomogram, the tilt series
    it is reconstructed from, and a JSON file of SNRs, noise scale and calibration curve. From a
    range, the tomogram draws its target.
    `halves` are files for its `even` and `odd` half tomograms.

    Raises SNRError if the target cannot be reached, or is missed.
    """
    started = time.perf_counter()
    shape, taken = open_volume(files["signal"]).shape, read_acquisition(files["acquisition"])
    images, voxel_size = read_mrc(files["tilts"], (len(taken.tilts.angle_deg), *shape[1:]))
    asked = draw_snr(target, generator(seed, "snr", *keys))
    device = pick_device(settings.device)
    camera = Camera(settings.optics, settings.detector, taken, voxel_size, device)
    noise_images = camera.unit_noise((shape[1], shape[2]), generator(seed, "noise", *keys))
    noise = _reconstructed(noise_images, camera, shape[0])
    volume, _ = read_mrc(files["signal"])
    calibrated = calibration((volume, noise), files, snr_settings, size_voxels, voxel_size)
    scale = calibrated.model.solve(asked)
    _add(volume, noise, scale)
    _add(images, noise_images, scale)
    del noise, noise_images  # large arrays are freed as early as possible
    measured = calibrated.measure(volume)
    achieved = measured[calibrated.region]
    logger.info("target SNR %.4g, measured %.4g, noise scale %.4g", asked, achieved, scale)
    check_snr(achieved, asked)
    steps = draw_finish(settings.finish, seed, *keys) if settings.finish else {}
    volume = finish(volume, voxel_size, steps, settings.optics, taken)
    half, title = settings.half_precision, f"ssn3d, SNR {achieved:.4g}"
    save = partial(write_mrc, voxel_size_angstrom=voxel_size, half_precision=half, label=title)
    both = partial(save, tomogram, volume), partial(save, tilts, images, stack=True)
    parallel_map(lambda write: write(), both)
    del volume, both
    _write_halves(halves, images, camera, shape[0], half_precision=half)
    record = _snr_record(calibrated.model, scale, asked, measured, calibrated.region)
    record |= {"choices": taken.choices, "finish": steps}
    used = {**settings.model_dump(), **snr_settings.model_dump()}
    made = provenance(seed=seed, settings=used, gpus=gpu_names(), numbers=taken.numbers)
    record |= {"seconds": time.perf_counter() - started, "provenance": made}
    write_json(summary, record)


def _write_halves(
    halves: Mapping[str, PathLike],
    images: NDArray[np.float32],
    camera: Camera,
    size_z: int,
    *,
    half_precision: bool,
) -> None:
    """Write the tomograms of every other noisy image, without the steps of `finish`."""
    for name, path in halves.items():
        volume, title = _reconstructed(images, camera, size_z, HALVES[name]), f"{name} tilts"
        size = camera.pixel_size_angstrom
        write_mrc(path, volume, size, half_precision=half_precision, label=f"ssn3d, {title}")


def _snr_record(
    model: NoiseScale | VarianceScale,
    scale: float,
    asked: float,
    measured: Mapping[str, float],
    region: str,
) -> dict[str, Any]:
    """Record of a tomogram's SNR: target, measured, and calibration curve."""
    return {
        "snr_asked": asked,
        "snr_measured": measured[region],
        "region": region,
        "snr_by_region": measured,
        "snr_without_noise": model.snr(0),
        "reference_particles": model.particles,
        "noise_scale": scale,
        "calibration": model.curve(scale),
    }


def _reconstructed(
    images: NDArray[np.float32], camera: Camera, size_z: int, every: slice = EVERY
) -> NDArray[np.float32]:
    """Volume (z, y, x) from images (tilt, y, x), or some, corrected and filtered on the way."""
    taken, shape = camera.acquisition, images.shape[1:]
    factor = filter_factor(taken.choices["reconstruction.filter"], taken.numbers, shape[1])
    angles, spacing = taken.tilts.angle_deg, tilt_spacings_deg(taken.tilts.angle_deg)
    projector = Projector(size_z, shape[1], angles[every], camera.device)
    correct = correction(camera, shape, every)
    return reconstruct(images[every], projector, every.step * spacing[every], factor, correct)


def draw_snr(target: float | list[float], rng: np.random.Generator) -> float:
    """Return a target SNR, or one within a range, with a uniform random logarithm."""
    if not isinstance(target, list):
        return target
    low, high = target
    return float(low * (high / low) ** rng.random())


def _add(total: NDArray[np.float32], unit_noise: NDArray[np.float32], noise_scale: float) -> None:
    """Add scaled noise to an array in place, section by section, to hold no third array."""

    def add(i: int) -> None:
        total[i] += np.float32(noise_scale) * unit_noise[i]

    parallel_map(add, range(len(total)))


def check_snr(measured: float, asked: float) -> None:
    """Raise SNRError unless the measured SNR, which may be NaN, is close to the target."""
    if not abs(measured / asked - 1) <= SNR_TOLERANCE:
        raise SNRError(
            f"snr.datasets: the finished tomogram has SNR {measured:.4g} instead of the "
            f"target {asked:g}; use more reference particles (specimen.particles, "
            "snr.max_particles) or larger cubes (subtomograms.size_voxels)"
        )
