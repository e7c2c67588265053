"""Report of a tomogram's measurements, as Markdown that also reads well on a terminal."""

import math

import numpy as np

from ssn3d.measure import thon
from ssn3d.measure.beads import COARSEST_VOXEL_ANGSTROM
from ssn3d.measure.measurements import Measurements
from ssn3d.measure.snr import UNCERTAINTY

_TILT_DIFFERENCE_DEG = 6.0
"""Larger differences between tilts given and seen are reported."""


def report(found: Measurements) -> str:
    """Return the report, a line for each measurement; what cannot be told is `not seen`."""
    parts = (
        ("Size", _size(found)),
        ("Contrast", _contrast(found)),
        ("Data", _data(found)),
        ("Slab", _slab(found)),
        ("Tilts", _tilts(found)),
        ("Detail", _detail(found)),
        ("Denoised", _denoised(found)),
        ("CTF", _rings(found)),
        ("Gold", _gold(found)),
        ("SNR", _snr(found)),
    )
    lines = [
        f"# {' '.join(found.name.split())}",
        "",
        *(f"- **{title}**: {text}" for title, text in parts),
    ]
    return "\n".join(lines) + "\n"


def _size(found: Measurements) -> str:
    z, y, x = found.shape
    size = found.voxel_size_angstrom
    nm = " x ".join(f"{n * size / 10:.0f}" for n in (x, y, z))
    levels = ", at most 256 grey values (8 bits)" if found.eight_bits else ""
    return f"{x} x {y} x {z} voxels (x, y, z) of {size:.4g} A, {nm} nm; {found.data_type}{levels}"


def _contrast(found: Measurements) -> str:
    side = "dark" if found.protein_is_dark else "bright"
    return f"protein is {side}" + ("" if found.contrast_is_clear else " (given, or a guess)")


def _data(found: Measurements) -> str:
    if found.data_fraction == 1:
        return "in all voxels"
    return f"{100 * (1 - found.data_fraction):.1f}% of the voxels hold no data and are ignored"


def _slab(found: Measurements) -> str:
    if found.slab is None:
        return "no face seen; the specimen fills the volume, or detail is as strong everywhere"
    slab, size = found.slab, found.voxel_size_angstrom
    about_x, about_y = slab.tilts_deg
    tilts = f"tilted by {about_x:.1f} degrees about x and {about_y:.1f} about y"
    vacuum = f"{100 * (found.vacuum_fraction or 0):.0f}% of the volume is vacuum"
    if (thickness := slab.thickness_voxels) is None:
        seen = "top" if slab.bottom is None else "bottom"
        return f"only the {seen} face is seen, {tilts}; {vacuum}"
    bottom, top = (f"{face.height * size / 10:.0f}" for face in slab.faces)
    return (
        f"{thickness * size / 10:.0f} nm of specimen, {tilts}; faces at {bottom} and {top} nm from "
        f"the middle; {vacuum}"
    )


def _tilts(found: Measurements) -> str:
    seen, given = found.tilts_seen_deg, found.tilts_given_deg
    told = "" if given is None else f"; given: {given[0]:g} to {given[1]:g}"
    if seen is None:
        return (
            "no missing wedge seen: filled by software or noise, or the volume is too thin" + told
        )
    text = f"the spectrum shows {seen[0]:.0f} to {seen[1]:.0f} degrees{told}"
    if given is None:
        return text
    same, turned = (
        float(np.abs(np.subtract(seen, other)).max()) for other in (given, (-given[1], -given[0]))
    )
    if same <= _TILT_DIFFERENCE_DEG:
        return f"{text}, which agrees"
    if turned <= _TILT_DIFFERENCE_DEG:
        return f"{text}: the opposite sign"
    return f"{text}, which DIFFERS"


def _detail(found: Measurements) -> str:
    nyquist = f"Nyquist is {2 * found.voxel_size_angstrom:.3g} A"
    if found.noise is None:
        return f"not seen: too few frequencies; {nyquist}"
    if found.low_pass_angstrom is not None:
        return (
            f"low-passed, or without noise: amplitudes fall like a Gaussian of period "
            f"{found.low_pass_angstrom:.0f} A; {nyquist}"
        )
    noise = "noise reaches Nyquist, so it was not low-passed"
    if found.tilts_seen_deg is None:
        return f"no missing wedge, so that signal and noise cannot be told apart; {nyquist}"
    if (end := found.signal_end_angstrom) is None:
        return f"no signal above the noise; {noise}; {nyquist}"
    return f"signal above the noise to {end:.0f} A; {noise}; {nyquist}"


def _denoised(found: Measurements) -> str:
    if found.looks_denoised is None or found.detail_kurtosis is None:
        return "not seen: too few voxels"
    kurtosis = f"excess kurtosis of fine detail {found.detail_kurtosis:.1f}; noise has 0"
    if found.looks_denoised:
        return f"looks denoised, or has hardly any noise ({kurtosis})"
    return f"does not look denoised ({kurtosis})"


def _rings(found: Measurements) -> str:
    if found.rings is None:
        if found.voxel_size_angstrom > thon.COARSEST_VOXEL_ANGSTROM:
            return "not seen: zeros of usual defoci lie beyond Nyquist of such coarse voxels"
        return "no zeros seen: denoised, low-passed, or of varying defocus"
    zeros = ", ".join(f"{zero:.1f}" for zero in found.rings.zeros_angstrom)
    return (
        f"zeros at {zeros} A: defocus {found.rings.defocus_um:.2f} um "
        f"(+-{found.rings.error_um:.2f}, if the voltage is as assumed)"
    )


def _gold(found: Measurements) -> str:
    if found.voxel_size_angstrom > COARSEST_VOXEL_ANGSTROM:
        return f"not looked for in voxels coarser than {COARSEST_VOXEL_ANGSTROM:g} A"
    if not found.beads:
        return "no beads seen"
    diameters = np.array([bead.diameter_angstrom for bead in found.beads])
    low, middle, high = np.quantile(diameters, (0.1, 0.5, 0.9)) / 10
    return f"{len(diameters)} beads, {middle:.1f} nm wide (80% from {low:.1f} to {high:.1f})"


def _snr(found: Measurements) -> str:
    if found.snr is None:
        return "not seen: filtered, or no missing wedge, so that noise cannot be told from signal"
    low, high = found.snr.snr / UNCERTAINTY, found.snr.snr * UNCERTAINTY
    return (
        f"about {two_digits(found.snr.snr)} (from {two_digits(low)} to {two_digits(high)}), "
        "as `snr.datasets` has it"
    )


def two_digits(value: float) -> str:
    """Return a number above 0 without an exponent, which YAML would take for text."""
    digits = max(0, 1 - math.floor(math.log10(value))) if value > 0 else 0
    return f"{value:.{digits}f}"
