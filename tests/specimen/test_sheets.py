"""Sheets and organelles: distances, bilayers, and proteins set into them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree

from sections import changed, section
from ssn3d.core.errors import PlacementError
from ssn3d.core.seeds import generator
from ssn3d.specimen.bilayer import bilayer_profile
from ssn3d.specimen.build import build_specimen
from ssn3d.specimen.ice import draw_slab
from ssn3d.specimen.obstacle import window_of_plane
from ssn3d.specimen.sheet import Sheet, draw_waves
from ssn3d.specimen.vesicle import Vesicle, directions, draw_shape
from ssn3d.specimen.volume import Grid

SIZE = (40, 60, 70)
GRID = Grid(10.0, 40.0)
MEMBRANES = section(
    "specimen",
    tomogram_size_voxels={"x": 90, "y": 80, "z": 60},
    region_size_voxels={"x": 110, "y": 100, "z": 80},
    particles=40,
    ice={"thickness_angstrom": 450.0, "tilt_about_x_deg": 3.0, "tilt_about_y_deg": -5.0},
    sheets={
        "count": 1, "double_fraction": 1.0, "spacing_angstrom": [100.0, 150.0],
        "undulation_angstrom": 40.0, "thickness_angstrom": 38.0,
    },
    organelles={
        "count": 1, "radius_angstrom": 400.0, "deformation_fraction": 0.05,
        "spacing_angstrom": 120.0, "thickness_angstrom": 38.0,
    },
    membrane_proteins={"density_per_um2": 5000.0, "largest_dalton": 1e7},
)  # fmt: skip


def sheet(seed, undulation=8.0, spacing_angstrom=0.0, grid=GRID):
    """A sheet in any direction through the middle of a tomogram."""
    rng = generator(seed, "sheet")
    frame = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    waves = draw_waves(undulation, grid.voxel_size_angstrom, rng)
    return Sheet(
        np.array(SIZE) / 2, frame, waves, 38.0, spacing_angstrom, np.array(SIZE, float), grid
    )


def cloud(membrane, step=0.5, reach=70):
    """Points (n, 3) on a sheet, close to one another, and normals."""
    ticks = np.arange(-reach, reach, step)
    return membrane.surface(np.stack(np.meshgrid(ticks, ticks), axis=-1).reshape(-1, 2))


@pytest.mark.parametrize("spacing_angstrom", [0.0, 160.0])
def test_sheet_density(spacing_angstrom):
    """The density is the bilayers' profile over the distance from a dense cloud of points."""
    membrane = sheet(0, spacing_angstrom=spacing_angstrom)
    drawn = membrane.draw(SIZE, 60.0)
    surface, normals = cloud(membrane)
    voxels = generator(1).integers(0, drawn.density.shape, size=(3000, 3))
    points = voxels + drawn.corner
    apart, rows = cKDTree(surface).query(points)
    depth = np.vecdot(points - surface[rows], normals[rows]) * 10
    expected = bilayer_profile(depth, 38.0, GRID.sigma_voxels * 10)
    if spacing_angstrom:
        expected += bilayer_profile(depth + spacing_angstrom, 38.0, GRID.sigma_voxels * 10)
    np.testing.assert_allclose(drawn.density[tuple(voxels.T)], expected, atol=9)
    assert expected.max() > 200
    assert apart.max() > 10
    np.testing.assert_array_equal(drawn.mask, drawn.density > 60)


@pytest.mark.parametrize("undulation", [0.0, 6.0])
def test_waves_deviate_as_asked(undulation):
    waves = draw_waves(undulation, 10.0, generator(3, "waves"))
    places = generator(4).uniform(-1e5, 1e5, size=(20_000, 2))
    assert waves.height(places).std() == pytest.approx(undulation, rel=0.03)
    assert np.abs(waves.height(places)).max() <= waves.highest
    step = 1e-3 * np.array([1.0, 0.0])
    slope = (waves.height(places + step) - waves.height(places - step)) / 2e-3
    np.testing.assert_allclose(waves.slope(places)[:, 0], slope, atol=1e-5)


@pytest.mark.parametrize("spacing_angstrom", [0.0, 120.0])
def test_exclusion_spheres_cover_sheet(spacing_angstrom):
    membrane = sheet(5, spacing_angstrom=spacing_angstrom)
    centres, radius = membrane.exclusion_spheres()
    assert len(centres) < 6000
    surface, normals = cloud(membrane, step=1.0)
    half = (19.0 + 4.0) / 10
    for height in (half, -spacing_angstrom / 20, -spacing_angstrom / 10 - half):
        face = surface + height * normals
        face = face[((face >= 0) & (face <= SIZE)).all(axis=1)]
        assert len(face) > 500
        assert cKDTree(centres).query(face)[0].max() <= radius


@pytest.mark.parametrize("spacing_angstrom", [0.0, 120.0])
def test_exclusion_spheres_cover_organelle(spacing_angstrom):
    shape = draw_shape(40.0, 0.1, generator(6, "organelle"))
    organelle = Vesicle(np.zeros(3), shape, 38.0, GRID, spacing_angstrom)
    centres, radius = organelle.exclusion_spheres()
    surface, normals = shape.surface(directions(20_000))
    for height in (2.3, -spacing_angstrom / 20, -spacing_angstrom / 10 - 2.3):
        assert cKDTree(centres).query(surface + height * normals)[0].max() <= radius


def test_points_have_equal_densities_on_both_membranes():
    """The inner membrane of an organelle is smaller, and has fewer proteins."""
    organelle = Vesicle(np.zeros(3), draw_shape(60.0, 0.0, generator(0)), 38.0, GRID, 200.0)
    points, _ = organelle.random_points(0.05, generator(1))
    radii = np.linalg.norm(points, axis=1)
    outer, inner = 60.0, 60.0 - 200.0 / GRID.voxel_size_angstrom
    for radius in (outer, inner):
        count = (np.abs(radii - radius) < 1).sum()
        assert count / (4 * np.pi * radius**2) == pytest.approx(0.05, rel=0.1)


def test_organelle_has_two_bilayers():
    grid = Grid(5.0, 15.0)
    organelle = Vesicle(np.full(3, 45.0), draw_shape(40.0, 0.0, generator(0)), 38.0, grid, 80.0)
    assert organelle.kind == "double membrane"
    drawn = organelle.draw((91, 91, 91), 60.0)
    away = (np.arange(46, 91) - 45 - 40) * 5.0  # along x, from the middle of the outer bilayer
    expected = sum(bilayer_profile(away + s, 38.0, grid.sigma_voxels * 5) for s in (0.0, 80.0))
    line = drawn.density[tuple(45 - drawn.corner[:2])][46 - drawn.corner[2] :]
    np.testing.assert_allclose(line, expected[: len(line)], atol=3)


@settings(max_examples=30)
@given(
    st.tuples(*[st.floats(-1, 1)] * 3).filter(lambda n: np.linalg.norm(n) > 0.1),
    st.tuples(*[st.floats(-20, 40)] * 3),
    st.floats(0.5, 6),
)
def test_window_of_plane_holds_all_near_voxels(direction, point, reach):
    shape = (14, 17, 20)
    normal = np.array(direction) / np.linalg.norm(direction)
    near = reach > np.abs((np.indices(shape).T - np.array(point)) @ normal).T
    box = window_of_plane(np.array(point), normal, reach, shape)
    if box is None:
        assert not near.any()
    else:
        near[tuple(slice(c, c + n) for c, n in zip(*box, strict=True))] = False
        assert not near.any()


@pytest.fixture(scope="module")
def specimen(structures):
    return build_specimen(structures, MEMBRANES, generator(1, "membranes"))


def test_faces_of_ice_cut_membranes(specimen):
    slab = draw_slab(MEMBRANES, generator(0))[0]
    kinds = specimen.background.kinds
    assert (kinds == "double membrane").sum() == 2
    depth = slab.depth(np.moveaxis(np.indices(specimen.labels.shape), 0, -1).astype(float))
    first = len(specimen.particles) + 1
    for label in first + np.flatnonzero(kinds == "double membrane"):
        depths = depth[specimen.labels == label]
        assert abs(depths.min()) < 2


def test_membrane_proteins(specimen):
    """They lie in membranes, overlap nothing else, and have labels of their own."""
    background, summary = specimen.background, specimen.summary
    proteins = background.kinds == "membrane protein"
    assert proteins.sum() > 10
    assert summary["ground"]["membrane protein"] == proteins.sum()
    assert summary["numbers"]["membrane_proteins.density_per_um2"] == 5000
    first = len(specimen.particles) + 1
    labels = first + np.flatnonzero(proteins)
    assert np.isin(labels, specimen.labels).mean() > 0.8
    membranes = np.argwhere(
        np.isin(specimen.labels, first + np.flatnonzero(~proteins))
        | np.isin(specimen.labels, labels)
    )
    inside = ((background.centres >= 0) & (background.centres < specimen.labels.shape)).all(axis=1)
    assert cKDTree(membranes).query(background.centres[proteins & inside])[0].max() < 6
    centres, radii = background.centres[proteins], background.sizes_angstrom[proteins] / 20
    apart = np.linalg.norm(centres[:, None] - centres, axis=-1) + 1e9 * np.eye(len(centres))
    assert (apart > 0.9 * (radii[:, None] + radii)).all()  # spheres, not centres of mass
    places = specimen.particles.centres
    least = min(summary["bounding_radius_voxels"].values())
    assert cKDTree(centres).query(places)[0].min() > 0.9 * (radii.min() + least)


def test_membrane_proteins_need_light_structure(structures):
    heavy = changed(MEMBRANES, membrane_proteins={"largest_dalton": 1.0})
    with pytest.raises(PlacementError, match=r"membrane_proteins\.largest_dalton: no structure"):
        build_specimen(structures, heavy, generator(1, "membranes"))
