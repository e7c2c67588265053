"""All measurements of a tomogram; what cannot be told is None."""

import dataclasses
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssn3d.io.tomogram import Tomogram
from ssn3d.io.tomogram_checks import protein_is_dark
from ssn3d.measure.beads import Bead, find_beads
from ssn3d.measure.denoised import DETAIL_KURTOSIS, detail_kurtosis
from ssn3d.measure.finish import NoiseFit, fit_noise, is_eight_bits, signal_end_angstrom
from ssn3d.measure.slab import Slab, find_slab
from ssn3d.measure.snr import SNREstimate, estimate_snr
from ssn3d.measure.spectrum import Spectrum, mean_power, spectrum_of
from ssn3d.measure.thon import ThonRings, find_rings
from ssn3d.measure.tilts import find_tilt_range
from ssn3d.measure.vacuum import Vacuum
from ssn3d.microscope.settings import Optics


@dataclasses.dataclass(frozen=True)
class Measurements:
    """Measurements of one tomogram."""

    name: str
    shape: tuple[int, int, int]
    """(z, y, x)."""
    voxel_size_angstrom: float
    data_type: str
    eight_bits: bool
    """True if there are at most 256 different values."""
    protein_is_dark: bool
    contrast_is_clear: bool
    """False if the contrast is a guess or was given."""
    data_fraction: float
    slab: Slab | None
    vacuum_fraction: float | None
    """Of the volume, outside the faces of the slab."""
    tilts_seen_deg: tuple[float, float] | None
    tilts_given_deg: tuple[float, float] | None
    spectrum: Spectrum
    noise: NoiseFit | None
    signal_end_angstrom: float | None
    detail_kurtosis: float | None
    """Excess kurtosis of fine detail; 0 in noise."""
    rings: ThonRings | None
    beads: list[Bead]
    snr: SNREstimate | None

    @property
    def low_pass_angstrom(self) -> float | None:
        """Period of the Gaussian low-pass filter; None if the tomogram is not filtered."""
        noise = self.noise
        return noise.period_angstrom if noise is not None and noise.is_low_passed else None

    @property
    def looks_denoised(self) -> bool | None:
        """True if fine detail is found in a few places only; None if it cannot be told."""
        known = self.detail_kurtosis
        return None if known is None else known > DETAIL_KURTOSIS


def measure(
    tomogram: Tomogram, optics: Optics, tilts_given_deg: tuple[float, float] | None = None
) -> Measurements:
    """Measure a tomogram, with the tilt axis along y; only parts of it are in memory at a time.

    `tilts_given_deg` are the lowest and highest tilt, if known; otherwise those seen are used.
    """
    shape, size = tomogram.grid.shape, tomogram.grid.voxel_size_angstrom
    slab = find_slab(tomogram.found.binned, tomogram.found.bin_voxels, shape)
    middle_z = (tomogram.found.first[0] + tomogram.found.stop[0]) / 2
    if slab is not None:
        middle_z = shape[0] / 2 + slab.middle_height
    seen = find_tilt_range(tomogram, middle_z)
    beads = find_beads(tomogram)
    power, block = mean_power(
        tomogram, middle_z, [(b.centre, 1.5 * b.diameter_angstrom) for b in beads]
    )
    spectrum = spectrum_of(power, block, size, tilts_given_deg or seen)
    noise = fit_noise(spectrum)
    ramp = None if seen is None else noise  # noise is extrapolated as of back-projection
    highest = 1 / noise.period_angstrom if noise is not None and noise.is_low_passed else None
    dark, _ = protein_is_dark(tomogram.found.binned)
    return Measurements(
        name=tomogram.name,
        shape=shape,
        voxel_size_angstrom=size,
        data_type=str(tomogram.stored.read(slice(1)).dtype),
        eight_bits=is_eight_bits(tomogram),
        protein_is_dark=tomogram.protein_is_dark,
        contrast_is_clear=dark == tomogram.protein_is_dark,
        data_fraction=tomogram.found.data_fraction,
        slab=slab,
        vacuum_fraction=None if slab is None else Vacuum(tomogram, slab, 0.0).fraction,
        tilts_seen_deg=seen,
        tilts_given_deg=tilts_given_deg,
        spectrum=spectrum,
        noise=noise,
        signal_end_angstrom=signal_end_angstrom(spectrum, ramp),
        detail_kurtosis=detail_kurtosis(tomogram, middle_z),
        rings=find_rings(spectrum, optics, highest),
        beads=beads,
        snr=estimate_snr(spectrum, ramp),
    )


def as_json(found: Measurements) -> dict[str, Any]:
    """Return measurements as values that JSON can hold; None is null."""
    slab, beads = found.slab, found.beads
    size = found.voxel_size_angstrom
    diameters = [bead.diameter_angstrom for bead in beads]
    return {
        "name": found.name,
        "size_voxels": dict(zip("zyx", found.shape, strict=True)),
        "voxel_size_angstrom": size,
        "data_type": found.data_type,
        "eight_bits": found.eight_bits,
        "protein_is_dark": found.protein_is_dark,
        "contrast_is_clear": found.contrast_is_clear,
        "data_fraction": found.data_fraction,
        "slab": None if slab is None else _slab_json(slab, size),
        "vacuum_fraction": found.vacuum_fraction,
        "tilts_seen_deg": found.tilts_seen_deg,
        "tilts_given_deg": found.tilts_given_deg,
        "signal_end_angstrom": found.signal_end_angstrom,
        "low_pass_angstrom": found.low_pass_angstrom,
        "detail_kurtosis": found.detail_kurtosis,
        "looks_denoised": found.looks_denoised,
        "thon_rings": None if found.rings is None else dataclasses.asdict(found.rings),
        "gold": {
            "count": len(beads),
            "diameters_angstrom": diameters,
            "centres_zyx_voxels": [bead.centre for bead in beads],
        },
        "snr": None if found.snr is None else dataclasses.asdict(found.snr),
        "spectrum": {
            "frequency_per_angstrom": _numbers(found.spectrum.frequency_per_angstrom),
            "recorded": _numbers(found.spectrum.recorded),
            "per_distance": _numbers(found.spectrum.per_distance),
            "missing_wedge": _numbers(found.spectrum.missing),
        },
    }


def _numbers(values: NDArray[np.float64]) -> list[float | None]:
    return [float(value) if math.isfinite(value) else None for value in values]


def _slab_json(slab: Slab, voxel_size_angstrom: float) -> dict[str, Any]:
    thickness = slab.thickness_voxels
    faces: dict[str, Any] = {
        name: face
        and {
            "height_angstrom": face.height * voxel_size_angstrom,
            "tilt_about_x_deg": face.tilt_about_x_deg,
            "tilt_about_y_deg": face.tilt_about_y_deg,
        }
        for name, face in (("bottom", slab.bottom), ("top", slab.top))
    }
    return {
        "thickness_angstrom": None if thickness is None else thickness * voxel_size_angstrom,
        **faces,
        "contrast": slab.contrast,
        "explained_fraction": slab.explained_fraction,
    }
