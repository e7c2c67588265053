"""Figure of a tomogram: slices, outlines of particles, a tilt image, and power spectra."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy import fft
from skimage.segmentation import find_boundaries

from ssn3d.io.files import PathLike, read_json
from ssn3d.io.mrc import read_mrc
from ssn3d.microscope.acquisition import read_acquisition
from ssn3d.report.figures.panels import PLANES, central_slice, draw_slice
from ssn3d.report.figures.style import new_figure, save, styled

_SPECTRUM_SLICES = 48
"""Number of slices across y whose spectra are averaged."""
_OUTLINED_NM = 150.0
"""Width of the part of a slice in which outlines are drawn; in a wider one they are too fine."""


def draw_tomogram(files: Mapping[str, PathLike], name: str, *, figure: PathLike) -> None:
    """Draw one tomogram; the SNR is the one that it was given.

    `files`: `signal`, `tomogram`, `labels`, `tilts`, `acquisition` and `summary`.
    """
    signal, voxel_size = read_mrc(files["signal"])
    tomogram, _ = read_mrc(files["tomogram"], signal.shape)
    labels, _ = read_mrc(files["labels"], signal.shape)
    angles = read_acquisition(files["acquisition"]).tilts.angle_deg
    tilts, _ = read_mrc(files["tilts"], (len(angles), *signal.shape[1:]))
    middle = int(np.argmin(np.abs(angles)))
    snr = read_json(files["summary"], "snr_asked")["snr_asked"]
    picture = tomogram_picture(
        signal,
        tomogram,
        labels,
        tilts[middle],
        name=f"{name}, SNR {snr:g}",
        tilt_deg=float(angles[middle]),
        tilt_range_deg=(float(angles.min()), float(angles.max())),
        voxel_size_angstrom=voxel_size,
    )
    save(picture, figure)


def power_spectrum_kz_kx(volume: NDArray[np.float32]) -> NDArray[np.float32]:
    """Compute the power (kz, kx), averaged over slices across y; frequency 0 is at n // 2.

    All such slices have the same wedge, since y is the tilt axis. A Hann window suppresses the
    cross caused by the edges.
    """
    depth, height, width = volume.shape
    window = np.outer(np.hanning(depth), np.hanning(width)).astype(np.float32)
    rows = np.unique(np.linspace(0, height - 1, _SPECTRUM_SLICES).astype(int))
    power = np.zeros((depth, width), dtype=np.float32)
    for row in rows:
        image = np.asarray(volume[:, row], dtype=np.float32)
        power += np.abs(fft.fft2((image - image.mean()) * window)) ** 2
    return np.asarray(fft.fftshift(power / len(rows)), dtype=np.float32)


@styled
def tomogram_picture(
    noise_free: NDArray[np.float32],
    noisy: NDArray[np.float32],
    labels: NDArray[np.integer[Any]],
    tilt_image: NDArray[np.float32],
    *,
    name: str,
    tilt_deg: float,
    tilt_range_deg: tuple[float, float],
    voxel_size_angstrom: float,
) -> Figure:
    """Draw a tomogram on one page.

    Volumes and labels are (z, y, x), protein is dark, labels are 0 outside particles; `tilt_image`
    (y, x) is of the tilt series. The title `name` is tomogram, dataset and SNR. The missing wedge
    lies beyond the largest tilt.
    """
    depth, height, width = noisy.shape
    step_nm = voxel_size_angstrom / 10
    heights = {"xy": height / width, "xz": depth / width, "yz": depth / height}
    ratios = [*heights.values(), max(1.0, height / width)]
    figure = new_figure(2.25 * sum(ratios) + 1.2)
    figure.suptitle(name, fontsize=9)
    grid = figure.add_gridspec(4, 3, height_ratios=ratios)
    titles = ("noise-free", "with noise", "true outlines")
    for column, volume in enumerate((noise_free, noisy, noisy)):
        for row, plane in enumerate(PLANES):
            axes = figure.add_subplot(grid[row, column])
            draw_slice(axes, central_slice(volume, plane), plane, voxel_size_angstrom)
            if column == 2:  # noqa: PLR2004 -- the last of three
                draw_labels(axes, central_slice(labels, plane))
                _show_middle(axes, min(1.0, _OUTLINED_NM / max(height, width) / step_nm))
            if column == 1:
                axes.set_ylabel("")
            if row == 0:
                axes.set_title(titles[column])
    axes = figure.add_subplot(grid[3, 0])
    draw_slice(axes, tilt_image, "xy", voxel_size_angstrom)
    axes.set_title(f"tilt image at {tilt_deg:g}°")
    for column, volume in enumerate((noise_free, noisy), start=1):
        axes = figure.add_subplot(grid[3, column])
        draw_spectrum(axes, power_spectrum_kz_kx(volume), voxel_size_angstrom, tilt_range_deg)
        axes.set_title(f"log power, {titles[column - 1]}")
    return figure


def _show_middle(axes: Axes, fraction: float) -> None:
    """Zoom in on the central `fraction` of a slice."""
    for limits, show in ((axes.get_xlim(), axes.set_xlim), (axes.get_ylim(), axes.set_ylim)):
        half = fraction * (limits[1] - limits[0]) / 2
        show(sum(limits) / 2 - half, sum(limits) / 2 + half)


def draw_labels(axes: Axes, labels: NDArray[np.integer[Any]]) -> None:
    """Outline the particles of a slice on top of its image, which must have been drawn."""
    outline = np.zeros((*labels.shape, 4), dtype=np.float32)
    boundaries = find_boundaries(labels, mode="inner")  # type: ignore[no-untyped-call]
    outline[boundaries] = (1.0, 0.75, 0.0, 1.0)
    extent = axes.images[0].get_extent()
    axes.imshow(outline, origin="lower", interpolation="nearest", extent=extent)


def draw_spectrum(
    axes: Axes,
    power: NDArray[np.float32],
    voxel_size_angstrom: float,
    tilt_range_deg: tuple[float, float],
) -> None:
    """Draw log power over kx and kz in 1/nm; dashed lines bound the missing wedge."""
    step_nm = voxel_size_angstrom / 10
    log_power = np.log10(power + np.finfo(np.float32).tiny)
    low, high = np.percentile(log_power, [5, 99.9])
    extent: list[float] = []
    for count in (power.shape[1], power.shape[0]):
        first = -(count // 2) / count
        extent += [(first - 0.5 / count) / step_nm, (first + 1 - 0.5 / count) / step_nm]
    axes.imshow(
        log_power, cmap="gray", origin="lower", vmin=low, vmax=high, aspect="equal",
        extent=(extent[0], extent[1], extent[2], extent[3]),
    )  # fmt: skip
    nyquist = 0.5 / step_nm
    for slope in np.tan(np.radians(tilt_range_deg)):  # tilt a records (x, z) = (cos a, sin a)
        x = np.array([-1, 1]) * nyquist / max(abs(slope), 1)
        axes.plot(x, slope * x, "--", color="#D55E00", linewidth=1)
    axes.set(xlabel="kx (1/nm)", ylabel="kz (1/nm)", xlim=extent[:2], ylim=extent[2:])
