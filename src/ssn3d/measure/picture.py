"""Picture of a tomogram's measurements: slices with what was found, and plots."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from matplotlib.patches import Circle
from numpy.typing import NDArray
from scipy import ndimage

from ssn3d.io.tomogram import Tomogram
from ssn3d.measure.measurements import Measurements
from ssn3d.measure.slab import detail_energy
from ssn3d.report.figures.panels import draw_slice
from ssn3d.report.figures.style import SERIES, new_figure, styled

_MOST_PIXELS = 800
_AVERAGED_ANGSTROM = 50.0
"""Thickness of slices; noise averages out."""
_ORANGE, _BLUE = "#D55E00", "#0072B2"


@styled
def picture(tomogram: Tomogram, found: Measurements) -> Figure:
    """Draw slices with faces and beads, the radial spectrum, and power by angle."""
    depth, height, width = found.shape
    ratios = [height / width, depth / width, 0.55]
    figure = new_figure(3.4 * sum(ratios[:2]) + 3.0)
    snr = "SNR not seen" if found.snr is None else f"SNR about {found.snr.snr:.2g}"
    title = f"voxels of {found.voxel_size_angstrom:.4g} A, {len(found.beads)} gold beads, {snr}"
    figure.suptitle(f"{found.name}: {title}", fontsize=9)
    grid = figure.add_gridspec(3, 2, height_ratios=ratios)
    _draw_middle(figure, grid, tomogram, found)
    _draw_profile(figure.add_subplot(grid[0, 1]), tomogram, found)
    _draw_spectrum(figure.add_subplot(grid[2, 0]), found)
    _draw_corrected(figure.add_subplot(grid[2, 1]), found)
    return figure


def _draw_middle(figure: Figure, grid: GridSpec, tomogram: Tomogram, found: Measurements) -> None:
    """Draw the slices xy, xz and yz through the middle of the specimen, with faces and beads."""
    middles = [n / 2 for n in found.shape]
    if found.slab is not None:
        middles[0] += found.slab.middle_height
    for axis, plane, place in ((0, "xy", grid[0, 0]), (1, "xz", grid[1, 0]), (2, "yz", grid[1, 1])):
        axes = figure.add_subplot(place)
        image, step = _slice(tomogram, axis, middles[axis])
        draw_slice(axes, image, plane, step)
        axes.autoscale(enable=False)
        if axis == 0:
            _draw_beads(axes, found)
        else:
            _draw_faces(axes, found, axis)


def _slice(tomogram: Tomogram, axis: int, middle: float) -> tuple[NDArray[np.float32], float]:
    """Mean of sections across an axis, and its pixel size in angstrom."""
    shape, size = tomogram.grid.shape, tomogram.grid.voxel_size_angstrom
    count = max(1, round(_AVERAGED_ANGSTROM / size))
    first = min(max(0, round(middle - count / 2)), shape[axis] - 1)
    place = [slice(None)] * 3
    place[axis] = slice(first, first + count)
    image = tomogram.read_dark(tuple(place)).mean(axis=axis)
    step = max(1, max(image.shape) // _MOST_PIXELS)
    return ndimage.uniform_filter(image, step)[::step, ::step], size * step


def _draw_beads(axes: Axes, found: Measurements) -> None:
    """Circle the beads of all heights."""
    nm = found.voxel_size_angstrom / 10
    for bead in found.beads:
        _, y, x = bead.centre
        ring = Circle((x * nm, y * nm), bead.diameter_angstrom / 10, fill=False, color=_ORANGE)
        axes.add_patch(ring)


def _draw_faces(axes: Axes, found: Measurements, axis: int) -> None:
    """Draw the faces of the slab on the middle section across y (1) or x (2)."""
    nm, depth = found.voxel_size_angstrom / 10, found.shape[0]
    length = found.shape[2 if axis == 1 else 1]
    along = np.array([0.0, float(length)])
    for face in found.slab.faces if found.slab else []:
        slope = face.slope_x if axis == 1 else face.slope_y
        height = depth / 2 + face.height + (along - length / 2) * slope
        axes.plot(along * nm, height * nm, "--", color=_ORANGE, linewidth=1)


def _draw_profile(axes: Axes, tomogram: Tomogram, found: Measurements) -> None:
    """Draw the amplitude of detail over z, in the middle third of the volume."""
    energy = detail_energy(tomogram.found.binned)
    rows, columns = (slice(n // 3, max(n // 3 + 1, 2 * n // 3)) for n in energy.shape[1:])
    amplitude = np.sqrt(energy[:, rows, columns].mean(axis=(1, 2)))
    step = found.shape[0] / len(amplitude) * found.voxel_size_angstrom / 10
    heights = (np.arange(len(amplitude)) + 0.5) * step
    axes.plot(amplitude, heights, color=SERIES[0].color)
    for face in found.slab.faces if found.slab else []:
        place = (found.shape[0] / 2 + face.height) * found.voxel_size_angstrom / 10
        axes.axhline(place, linestyle="--", color=_ORANGE, linewidth=1)
    axes.set(
        xlabel="amplitude of detail", ylabel="z (nm)", title="middle of the field", xlim=(0, None)
    )


def _draw_spectrum(axes: Axes, found: Measurements) -> None:
    """Draw the radial power where tilts recorded it, in the wedge, and of the noise fitted."""
    spectrum = found.spectrum
    nm = spectrum.frequency_per_angstrom * 10
    axes.semilogy(nm, spectrum.recorded, color=SERIES[0].color, label="recorded")
    if np.isfinite(spectrum.missing).any():
        axes.semilogy(nm, spectrum.missing, ":", color=SERIES[3].color, label="missing wedge")
    if found.noise is not None:
        label = "low-pass fitted" if found.noise.is_low_passed else "noise fitted"
        axes.semilogy(nm, found.noise.noise(spectrum), "--", color=_BLUE, label=label)
    if found.signal_end_angstrom is not None:
        axes.axvline(10 / found.signal_end_angstrom, color=_ORANGE, linewidth=0.8)
    axes.set(xlabel="frequency (1/nm)", ylabel="power", title="spectrum")
    axes.legend(loc="upper right")


def _draw_corrected(axes: Axes, found: Measurements) -> None:
    """Draw the power per distance from the tilt axis, with the zeros of the CTF."""
    spectrum = found.spectrum
    axes.semilogy(
        spectrum.frequency_per_angstrom * 10, spectrum.per_distance, color=SERIES[0].color
    )
    title = "no zeros of the CTF seen"
    if found.rings is not None:
        title = f"defocus {found.rings.defocus_um:.2f} um"
        for zero in found.rings.zeros_angstrom:
            axes.axvline(10 / zero, linestyle="--", color=_ORANGE, linewidth=0.8)
    axes.set(xlabel="frequency (1/nm)", ylabel="power per distance", title=title)
