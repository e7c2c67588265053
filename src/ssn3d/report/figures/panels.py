"""Panels that several figures share: slices and isosurfaces of volumes (z, y, x).

Pictures are never mirrored: in plane "xz", x runs right and z up, and the third axis of a
right-handed system points to the viewer.
"""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.gridspec import SubplotSpec
from numpy.typing import NDArray
from skimage.measure import marching_cubes

PLANES = ("xy", "xz", "yz")
_LIGHT_XYZ = np.array([-0.25, -0.75, 0.61])  # of length 1; the viewer is at (0.4, -0.7, 0.5)


def central_slice(volume: NDArray[Any], plane: str) -> NDArray[Any]:
    """Return the slice through index n // 2; in plane "xz", rows are z and columns are x."""
    axis = next(i for i, name in enumerate("zyx") if name not in plane)
    section: NDArray[Any] = np.take(volume, volume.shape[axis] // 2, axis=axis)
    return section


def add_central_slices(
    figure: Figure,
    place: SubplotSpec,
    volume: NDArray[Any],
    voxel_size_angstrom: float,
    outliers_percent: float,
) -> list[Axes]:
    """Add the slices in all planes side by side, with one grey scale; return their panels.

    `outliers_percent` of the voxels are darker than black, and as many lighter than white.
    """
    shown = [outliers_percent, 100 - outliers_percent]
    limits = tuple(np.percentile(volume.astype(np.float32), shown))
    row, first = place.rowspan.start, place.colspan.start
    panels = []
    for column, plane in enumerate(PLANES, start=first):
        panels.append(figure.add_subplot(place.get_gridspec()[row, column]))
        draw_slice(panels[-1], central_slice(volume, plane), plane, voxel_size_angstrom, limits)
    return panels


def draw_slice(
    axes: Axes,
    image: NDArray[Any],
    plane: str,
    voxel_size_angstrom: float,
    limits: tuple[float, float] | None = None,
) -> None:
    """Draw a slice (rows, columns) in grey over axes in nm; the centre of voxel 0 is at 0.

    `limits` are the values drawn black and white, by default the 0.5th and 99.5th percentile.
    """
    step_nm = voxel_size_angstrom / 10
    rows, columns = image.shape
    low, high = np.percentile(image, [0.5, 99.5]) if limits is None else limits
    axes.imshow(
        np.asarray(image, dtype=np.float32),
        cmap="gray",
        vmin=low,
        vmax=high,
        origin="lower",
        interpolation="nearest",
        extent=(-0.5 * step_nm, (columns - 0.5) * step_nm, -0.5 * step_nm, (rows - 0.5) * step_nm),
    )
    axes.set(xlabel=f"{plane[0]} (nm)", ylabel=f"{plane[1]} (nm)")
    axes.spines[:].set_visible(True)


def isosurface(volume: NDArray[Any], level: float) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Triangulate the surface of a level, closed at the edges of the volume.

    Returns:
        Vertices (v, 3) in (x, y, z) voxels, and triangles (t, 3) of vertices, counterclockwise as
        seen from outside (where values are lower).
    """
    padded = np.pad(np.asarray(volume, dtype=np.float32), 1)
    vertices, faces, _, _ = marching_cubes(  # type: ignore[no-untyped-call]
        padded, level, gradient_direction="descent"
    )
    # its corners run clockwise in (z, y, x); the change to (x, y, z) turns them around
    return vertices[:, ::-1].astype(np.float64) - 1, faces.astype(np.int64)


def lit_colors(vertices: NDArray[np.float64], triangles: NDArray[np.int64]) -> NDArray[np.float64]:
    """Colours (t, 3) of triangles (t, 3) under diffuse light from the viewer's upper left."""
    first, second, third = np.moveaxis(vertices[triangles], 1, 0)
    normals = np.cross(second - first, third - first)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    light = np.clip(normals @ _LIGHT_XYZ, 0, 1)
    colors: NDArray[np.float64] = np.array(to_rgb("#9CC4E8")) * (0.3 + 0.7 * light[:, None])
    return colors


def add_isosurface(
    figure: Figure, position: Any, volume: NDArray[Any], *, level: float, voxel_size_angstrom: float
) -> Axes:
    """Add a lit isosurface at a position of a grid, in a cube as large as the volume.

    If no voxel exceeds the level, the cube is empty and labelled so.
    """
    axes: Any = figure.add_subplot(position, projection="3d")
    size_nm = np.array(volume.shape[::-1]) * voxel_size_angstrom / 10
    if volume.max() > level:
        vertices, faces = isosurface(volume, level)
        x, y, z = (vertices * voxel_size_angstrom / 10).T
        surface = axes.plot_trisurf(x, y, z, triangles=faces, shade=False)
        surface.set_facecolor(lit_colors(vertices, faces))
        # lines between triangles would show through, and SVG would hold every triangle
        surface.set(linewidth=0, antialiased=False, rasterized=True)
    else:
        axes.text2D(0.5, 0.5, "empty", ha="center", va="center", transform=axes.transAxes)
    axes.set(xlim=(0, size_nm[0]), ylim=(0, size_nm[1]), zlim=(0, size_nm[2]))
    axes.set_box_aspect(size_nm, zoom=1.1)
    axes.set(xticks=[], yticks=[], zticks=[])
    for axis in (axes.xaxis, axes.yaxis, axes.zaxis):
        axis.line.set_color("#B0B0B0")
    return axes  # type: ignore[no-any-return]
