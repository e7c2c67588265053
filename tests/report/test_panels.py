import xml.etree.ElementTree as ET

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure

from ssn3d.report.figures.labels import name_points, name_ticks
from ssn3d.report.figures.panels import (
    PLANES,
    add_isosurface,
    central_slice,
    draw_slice,
    isosurface,
)
from ssn3d.report.figures.style import SERIES, new_figure, save, styled


def ball(shape, centre, radius):
    """Signed distance to the surface of a ball, positive inside."""
    offsets = np.indices(shape) - np.reshape(centre, (3, 1, 1, 1))
    return (radius - np.sqrt((offsets**2).sum(0))).astype(np.float32)


def signed_volume(vertices, triangles):
    """Volume inside a closed surface; negative where its triangles face inwards."""
    a, b, c = np.moveaxis(vertices[triangles], 1, 0)
    return float((a * np.cross(b, c)).sum() / 6)


def test_surface_faces_outwards():
    vertices, triangles = isosurface(ball((20, 24, 28), (8, 11, 17), 6), 0)
    np.testing.assert_allclose(vertices.mean(0), [17, 11, 8], atol=0.01)  # x, y, z
    assert signed_volume(vertices, triangles) == pytest.approx(4 / 3 * np.pi * 6**3, rel=0.02)


def test_surface_is_closed_at_edges():
    vertices, triangles = isosurface(np.ones((5, 6, 7)), 0.5)
    edges = np.sort(triangles[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    assert set(np.unique(edges, axis=0, return_counts=True)[1]) == {2}
    assert signed_volume(vertices, triangles) == pytest.approx(5 * 6 * 7, rel=0.05)


@pytest.mark.parametrize("plane", PLANES)
def test_slice_axes_in_nm(plane):
    volume = np.zeros((8, 10, 12), dtype=np.float32)
    place = {"z": 4, "y": 5, "x": 6}  # the central planes
    off = {"xy": {"x": 9, "y": 2}, "xz": {"x": 9, "z": 1}, "yz": {"y": 2, "z": 1}}[plane]
    place |= off
    volume[place["z"], place["y"], place["x"]] = 1
    axes = Figure().subplots()
    draw_slice(axes, central_slice(volume, plane), plane, 20.0)
    (picture,) = axes.images
    row, column = np.argwhere(np.asarray(picture.get_array()) == 1)[0]
    left, right, bottom, top = picture.get_extent()
    rows, columns = picture.get_array().shape
    assert left + (column + 0.5) * (right - left) / columns == pytest.approx(2 * off[plane[0]])
    assert bottom + (row + 0.5) * (top - bottom) / rows == pytest.approx(2 * off[plane[1]])
    assert axes.get_ylim()[0] < axes.get_ylim()[1]  # the second axis runs upwards
    assert (axes.get_xlabel(), axes.get_ylabel()) == (f"{plane[0]} (nm)", f"{plane[1]} (nm)")


def test_surface_axes_in_nm():
    figure = Figure()
    axes = add_isosurface(
        figure, 111, ball((20, 20, 20), (5, 10, 14), 4), level=0, voxel_size_angstrom=20
    )
    (left, front), (right, back) = axes.xy_dataLim.get_points()
    (bottom, _), (top, _) = axes.zz_dataLim.get_points()
    limits = [(left, right), (front, back), (bottom, top)]  # of x, y, z
    np.testing.assert_allclose(limits, [(20, 36), (12, 28), (2, 18)], atol=0.1)
    assert axes.get_xlim()[1] == pytest.approx(40, rel=0.1)


def test_empty_surface():
    axes = add_isosurface(Figure(), 111, np.zeros((4, 4, 4)), level=0.5, voxel_size_angstrom=10)
    assert [text.get_text() for text in axes.texts] == ["empty"]


def test_names_do_not_overlap():
    figure = new_figure(4)
    axes = figure.subplots()
    x, y = np.random.default_rng(0).normal(0, 1, (2, 25))
    axes.plot(x, y, "o")
    axes.set(xlim=(-9, 9), ylim=(-9, 9))  # crowded in the middle
    names = [f"1AB{i}" for i in range(25)]
    name_points(axes, x, y, names)
    figure.draw_without_rendering()
    assert [text.get_text() for text in axes.texts] == names
    # the text alone: an annotation's own extent has its line in it
    boxes = [mpl.text.Text.get_window_extent(text) for text in axes.texts]
    pairs = [(i, j) for i in range(25) for j in range(i)]
    overlaps = sum(boxes[i].overlaps(boxes[j]) for i, j in pairs)
    assert overlaps <= 1


def test_names_of_many_structures():
    axes = new_figure(4).subplots()
    names = [f"0R{i:02d}" for i in range(61)]
    name_points(axes, range(61), range(61), names)
    assert not axes.texts
    name_ticks(axes, names)
    assert [tick.get_text() for tick in axes.get_xticklabels()] == names[::2]
    name_ticks(axes, names[:60])
    assert [tick.get_text() for tick in axes.get_xticklabels()] == names[:60]


def test_series_differ_without_colour():
    assert len({str(look.linestyle) for look in SERIES}) == len(SERIES)
    assert len({look.marker for look in SERIES}) == len(SERIES)


def test_matplotlib_settings_unchanged():
    before = dict(mpl.rcParams)

    @styled
    def draw():
        assert mpl.rcParams["font.size"] != before["font.size"]
        return new_figure(1)

    draw()
    assert dict(mpl.rcParams) == before


def test_saved_bytes_are_reproducible(tmp_path):
    contents = []
    for name in ("a.png", "b.png"):
        figure = new_figure(1, width_inch=2)
        figure.subplots().plot([0, 1])
        save(figure, tmp_path / name)
        contents.append([(tmp_path / name).with_suffix(s).read_bytes() for s in (".png", ".svg")])
    assert contents[0] == contents[1]
    assert contents[0][0].startswith(b"\x89PNG")
    assert ET.fromstring(contents[0][1]).tag.endswith("svg")  # noqa: S314 -- written above
    assert len(list(tmp_path.iterdir())) == 4
