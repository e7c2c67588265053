"""Settings of a simulation like a tomogram: a file for Snakemake's --configfile, with comments."""

import math

from ssn3d.measure.measurements import Measurements
from ssn3d.measure.report import two_digits
from ssn3d.measure.snr import UNCERTAINTY

_SPREAD = 0.15
"""Half width of ranges around a value, relative to it."""
_DEFOCUS_UM = (3.0, 6.0)
"""Written where no rings are seen."""
_SNRS = (0.3, 0.06, 0.01)
"""Written where the SNR is not seen."""
_TILTS_DEG = (-60.0, 60.0)
_SLAB_TILTS_DEG = 45.0
_SLAB_ANGSTROM = (50.0, 1e5)
ICE_OF_MOLECULES = (0.9, 1.3)
"""Thickness of ice, relative to that of what holds molecules, whose edges are not seen."""
_PARTICLES_PER_ANGSTROM = 10_000 / 3920
"""Of thickness, in the paper's region of 392 voxels of 10 A along z."""


def like_it(found: Measurements) -> str:
    """Return the text of a YAML file with settings as measured, and ranges around them."""
    lines = [
        f"# A simulation like {' '.join(found.name.split())}, by `ssn3d measure`. Edit it, and run",
        "#   snakemake --cores all --configfile like_it.yaml",
        "# Of a range [low, high] each tomogram draws its own value. What is not seen says so.",
        "",
        "specimen:",
        *_specimen(found),
        "",
        "microscope:",
        *_microscope(found),
        "",
        *_snr(found),
        "",
        "subtomograms:                     # all, since the number of particles may be small",
        "  count: all",
        "  independent_count: all",
    ]
    return "\n".join(lines) + "\n"


def _range(value: float, step: float, low: float, high: float) -> str:
    """Range around a value, at least two steps wide and within limits."""
    half = max(abs(value) * _SPREAD, step)
    first, last = max(low, value - half), min(high, value + half)
    return f"[{first:.1f}, {last:.1f}]" if last - first > step / 2 else f"{first:.1f}"


def _specimen(found: Measurements) -> list[str]:
    size = float(f"{found.voxel_size_angstrom:.4g}")
    resolution, why = _resolution(found)
    lines = [
        f"  voxel_size_angstrom: {size}",
        f"  resolution_angstrom: {resolution:.1f}  # {why}",
    ]
    lines += _ice(found)
    if not found.beads:
        return [*lines, "  fiducials: null                 # no gold beads seen"]
    diameters = sorted(bead.diameter_angstrom for bead in found.beads)
    low, high = (_clip(d, 10.0, 1e5) for d in (0.9 * diameters[0], 1.1 * diameters[-1]))
    return [
        *lines,
        "  fiducials:                      # as many gold beads as seen, if the volume is as large",
        f"    count: {len(diameters)}",
        f"    diameter_angstrom: [{low:.1f}, {high:.1f}]",
    ]


def _resolution(found: Measurements) -> tuple[float, str]:
    end, why = 2 * found.voxel_size_angstrom, "not seen: Nyquist"
    if found.signal_end_angstrom is not None:
        end, why = max(end, found.signal_end_angstrom), "where signal ends in noise"
    return math.ceil(10 * end) / 10, why


def _ice(found: Measurements) -> list[str]:
    if found.slab is None or (thickness := found.slab.thickness_voxels) is None:
        return ["  ice: null                       # both faces are not seen"]
    tilts = [
        f"    tilt_about_{axis}_deg: {_range(tilt, 2.0, -_SLAB_TILTS_DEG, _SLAB_TILTS_DEG)}"
        for axis, tilt in zip("xy", found.slab.tilts_deg, strict=True)
    ]
    angstrom = thickness * found.voxel_size_angstrom
    low, high = (_clip(factor * angstrom, *_SLAB_ANGSTROM) for factor in ICE_OF_MOLECULES)
    most = max(2, round(_PARTICLES_PER_ANGSTROM * angstrom))
    return [
        f"  particles: [{most // 2}, {most}]  # not measured: half to all of the paper's crowding",
        "  ice:",
        f"    thickness_angstrom: [{low:.1f}, {high:.1f}]",
        *tilts,
    ]


def _microscope(found: Measurements) -> list[str]:
    tilts, why = found.tilts_given_deg, "as given"
    if tilts is None:
        tilts, why = found.tilts_seen_deg, "as the spectrum shows"
    if tilts is None:
        tilts, why = _TILTS_DEG, "not seen"
    # Whole steps of 3 degrees reach the last tilt.
    low = float(round(tilts[0]))
    high = low + 3.0 * max(1, round((tilts[1] - low) / 3.0))
    return [
        f"  tilt:                           # {why}; the step is not measured",
        f"    min_deg: [{_clip(low - 3, -90, 90):.1f}, {low + 3:.1f}]",
        f"    max_deg: [{high - 3:.1f}, {_clip(high + 3, -90, 90):.1f}]",
        "    step_deg: [1.0, 3.0]",
        "  optics:",
        f"    defocus_um: {_defocus(found)}",
        *_varied(found),
    ]


def _defocus(found: Measurements) -> str:
    if found.rings is None:
        return f"[{_DEFOCUS_UM[0]:.1f}, {_DEFOCUS_UM[1]:.1f}]       # not seen"
    defocus, half = found.rings.defocus_um, max(0.3, 2 * found.rings.error_um)
    return f"[{max(0.1, defocus - half):.2f}, {defocus + half:.2f}]  # as the zeros of the CTF show"


def _varied(found: Measurements) -> list[str]:
    """Keys of a microscope that varies from tomogram to tomogram."""
    lines = ["  ctf_correction: [none, phase_flip]  # zeros of the CTF do not tell which"]
    finish = []
    if (period := found.low_pass_angstrom) is not None:
        finish.append(
            f"    low_pass: {{probability: 1.0, period_angstrom: {_range(period, 1.0, 1.0, 1e5)}}}"
        )
    if found.eight_bits:
        finish.append("    quantisation: {probability: 1.0, bits: 8, clipped_percent: [0.01, 1.0]}")
    if not finish:
        return [*lines, "  finish: null                    # neither low-passed nor of 8 bits"]
    if found.low_pass_angstrom is None:
        finish.insert(0, "    low_pass: null")
    if not found.eight_bits:
        finish.append("    quantisation: null")
    return [*lines, "  finish:", "    high_pass: null", "    deconvolution: null", *finish]


def _snr(found: Measurements) -> list[str]:
    values, why = _SNRS, "not seen"
    if found.snr is not None:
        estimate = found.snr.snr
        values = (estimate * UNCERTAINTY, estimate, estimate / UNCERTAINTY)
        why = "estimated; high and low are the limits of its uncertainty"
    rows = [
        f"    - {{name: {name}, snr: {two_digits(value)}}}"
        for name, value in zip("ABC", values, strict=True)
    ]
    return ["snr:", f"  datasets:                       # {why}", *rows]


def _clip(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)
