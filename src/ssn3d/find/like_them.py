"""Settings of simulated tomograms like those measured, from the measurements of all of them.

What cannot be measured keeps the value of the configuration, as does the defocus unless it is seen
in all tomograms. Ice, gold, low-pass filters and 8-bit values that are not seen are not simulated,
nor is what hardly any voxel holds. Ranges hold all measured values, and a margin.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ssn3d.find.crowding import CROWDING, particles_like
from ssn3d.measure.like_it import ICE_OF_MOLECULES
from ssn3d.microscope.ctf import wavelength_angstrom

_SPREAD = 0.15
"""Margin of a range, relative to the values at its ends."""
_TILT_MARGIN_DEG = 3.0
_SLAB_MARGIN_DEG = 2.0
_STEEPEST_DEG, _STEEPEST_SLAB_DEG = 70.0, 45.0
_DEFOCUS_MARGIN_UM = 0.3
RESOLUTION = "resolution_angstrom"
_FINEST_ANGSTROM, _VOXELS_OF_DETAIL, _BEFORE_ZERO = 35.0, 2.2, 1.1
_SNR_MARGIN = 1.3
"""Factor within which the SNR of simulated tomograms was found, by `find.snr` (docs/find.md)."""
_SNR_LIMITS = (0.005, 2.0)
_ON_ICE = ("dirt", "carbon")
"""Objects on the faces of the ice."""
_KINDS = (
    ("membrane", 0.005, ("vesicles", "membrane_proteins")),
    ("membrane", 0.05, ("organelles", "sheets")),
    ("filament", 0.005, ("filaments",)),
    ("other", 0.005, _ON_ICE),
)
"""Objects that are not simulated where less than a share of the voxels has their class."""
_SMALLEST_EDGE = 64
"""Smallest edge in voxels of a tomogram that coarse voxels make smaller: subtomograms need room."""

Measured = Sequence[Mapping[str, Any]]
"""Content of measurements.json of each tomogram, and how crowded it is (`CROWDING`)."""
Section = dict[str, Any]


def specimen_like(
    measured: Measured, specimen: Mapping[str, Any], highest_shares: Mapping[str, float]
) -> Section:
    """Section `specimen` of tomograms like those measured.

    Voxels are those of the configuration, or of the coarsest tomogram if that is coarser.
    `highest_shares` are those of the voxels of each class (`core.classes`) in any tomogram: what is
    hardly there is not simulated, since it would hide the molecules as it does not in the
    tomograms.
    """
    found = dict(specimen)
    for name, least, kinds in _KINDS:
        if highest_shares[name] < least:
            found |= dict.fromkeys(kinds)
    voxel = max(specimen["voxel_size_angstrom"], *(one["voxel_size_angstrom"] for one in measured))
    found["voxel_size_angstrom"] = voxel = float(f"{voxel:.5g}")
    ratio = voxel / specimen["voxel_size_angstrom"]
    if ratio > 1:
        found["resolution_angstrom"] = _at_least(specimen["resolution_angstrom"], 2 * voxel)
        found |= _sizes(specimen, ratio)
    slabs = [one["slab"] for one in measured]
    known = all(slab is not None and slab["thickness_angstrom"] is not None for slab in slabs)
    found["ice"] = _ice(slabs, specimen["ice"]) if known else None
    if found["ice"] is None:
        found |= dict.fromkeys(_ON_ICE)
    found["fiducials"] = None
    beads = [diameter for one in measured for diameter in one["gold"]["diameters_angstrom"]]
    if beads:
        most = max(len(one["gold"]["diameters_angstrom"]) for one in measured)
        fiducials = {"place": "inside", "contrast": [1.0, 5.0], **(specimen["fiducials"] or {})}
        widths = _around([*beads], limits=(10.0, 1e5))
        found["fiducials"] = fiducials | {"count": [0, most], "diameter_angstrom": widths}
    if any(one[CROWDING] for one in measured):
        found["particles"] = particles_like([one[CROWDING] for one in measured], found)
    return found


def _sizes(specimen: Mapping[str, Any], ratio: float) -> Section:
    """Keep the edges in angstrom, and so the numbers of objects, in coarser voxels."""
    tomogram, region = specimen["tomogram_size_voxels"], specimen["region_size_voxels"]
    inner = {axis: max(_whole(n / ratio), min(n, _SMALLEST_EDGE)) for axis, n in tomogram.items()}
    outer = {axis: inner[axis] + _whole((region[axis] - n) / ratio) for axis, n in tomogram.items()}
    return {"tomogram_size_voxels": inner, "region_size_voxels": outer}


def _whole(voxels: float) -> int:
    """Next number of voxels that is a multiple of 8."""
    return 8 * int(np.ceil(voxels / 8))


def _at_least(value: float | list[float], least: float) -> float | list[float]:
    """Raise a number, or both bounds of a range, to no less than some value."""
    if isinstance(value, list):
        return [max(value[0], least), max(value[1], 1.01 * least)]
    return max(value, least)


def _ice(slabs: Measured, known: Mapping[str, Any] | None) -> Section:
    """Slab of ice around the measured ones, whose faces tilt by the means of both."""
    thicknesses = [slab["thickness_angstrom"] for slab in slabs]
    low, high = ICE_OF_MOLECULES
    ice: Section = dict(known or {})
    ice["thickness_angstrom"] = [low * min(thicknesses), high * max(thicknesses)]
    for axis in "xy":
        key = f"tilt_about_{axis}_deg"
        tilts = [(slab["bottom"][key] + slab["top"][key]) / 2 for slab in slabs]
        ice[key] = [
            max(-_STEEPEST_SLAB_DEG, min(tilts) - _SLAB_MARGIN_DEG),
            min(_STEEPEST_SLAB_DEG, max(tilts) + _SLAB_MARGIN_DEG),
        ]
    return ice


def microscope_like(
    measured: Measured, tilts_deg: Sequence[tuple[float, float]], microscope: Mapping[str, Any]
) -> Section:
    """Section `microscope` of tomograms like those measured; their lowest and highest tilts."""
    found = dict(microscope)
    lows, highs = zip(*tilts_deg, strict=True)
    found["tilt"] = microscope["tilt"] | {"min_deg": _tilts(lows), "max_deg": _tilts(highs)}
    rings = [one["thon_rings"] for one in measured if one["thon_rings"] is not None]
    if len(rings) == len(measured):
        margins = [max(_DEFOCUS_MARGIN_UM, 2 * one["error_um"]) for one in rings]
        values = [one["defocus_um"] for one in rings]
        pairs = [*zip(values, margins, strict=True)]
        defocus = [max(0.1, min(v - m for v, m in pairs)), max(v + m for v, m in pairs)]
        found["optics"] = microscope["optics"] | {"defocus_um": defocus}
    found["finish"] = _finish(measured, microscope["finish"])
    return found


def _tilts(angles: Sequence[float]) -> list[float]:
    """Range of the first or the last tilts, in degrees."""
    low, high = min(angles) - _TILT_MARGIN_DEG, max(angles) + _TILT_MARGIN_DEG
    low, high = (min(max(angle, -_STEEPEST_DEG), _STEEPEST_DEG) for angle in (low, high))
    return [low, high if high > low else low + _TILT_MARGIN_DEG]


def _finish(measured: Measured, known: Mapping[str, Any] | None) -> Section:
    """Steps after reconstruction, as frequent as they were seen."""
    found = {"high_pass": None, "deconvolution": None, **(known or {})}
    found |= {"low_pass": None, "quantisation": None}
    periods = [one["low_pass_angstrom"] for one in measured]
    if seen := [period for period in periods if period is not None]:
        widths = _around(seen, limits=(1.0, 1e5))
        found["low_pass"] = {"probability": len(seen) / len(periods), "period_angstrom": widths}
    if rounded := sum(one["eight_bits"] for one in measured) / len(measured):
        bits = {"probability": rounded, "bits": 8, "clipped_percent": [0.01, 1.0]}
        found["quantisation"] = bits
    return found


def resolution_like(specimen: Mapping[str, Any], microscope: Mapping[str, Any]) -> float:
    """Finest detail in angstrom by which candidates are compared with maps of targets.

    It ends before the first zero of the CTF at the highest defocus, at sqrt(wavelength x defocus),
    unless the CTF is corrected; and before Nyquist.
    """
    finest = max(_FINEST_ANGSTROM, _VOXELS_OF_DETAIL * specimen["voxel_size_angstrom"])
    corrections = microscope["ctf_correction"]
    if "none" in (corrections if isinstance(corrections, list) else [corrections]):
        optics = microscope["optics"]
        defocus_angstrom = 1e4 * float(np.max(optics["defocus_um"]))
        zero = np.sqrt(wavelength_angstrom(optics["voltage_kv"]) * defocus_angstrom)
        finest = max(finest, _BEFORE_ZERO * float(zero))
    return float(finest)


def snr_like(snrs: Sequence[float | None]) -> list[float] | None:
    """Range of the SNR, by the estimates of all tomograms; None where it is not known of any."""
    known = [snr for snr in snrs if snr is not None]
    if not known:
        return None
    least, most = _SNR_LIMITS
    low = min(max(min(known) / _SNR_MARGIN, least), most / _SNR_MARGIN)
    return [low, max(min(max(known) * _SNR_MARGIN, most), low * _SNR_MARGIN)]


def _around(values: Sequence[float], limits: tuple[float, float]) -> list[float]:
    """Range of values above 0, with a margin, within limits."""
    low, high = (1 - _SPREAD) * min(values), (1 + _SPREAD) * max(values)
    return [max(low, limits[0]), min(high, limits[1])]
