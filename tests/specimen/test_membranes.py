"""Bilayers have two layers and the contrast of lipids; vesicles are smooth, of the given size."""

import numpy as np
import pytest
from scipy.spatial import cKDTree

from ssn3d.core.seeds import generator
from ssn3d.specimen.bilayer import bilayer_profile
from ssn3d.specimen.vesicle import Vesicle, directions, draw_shape
from ssn3d.specimen.volume import Grid
from ssn3d.structures.scattering import Matter, protein_dalton

DISTANCES = np.linspace(-100, 100, 2001)  # angstrom
FINE, COARSE = Grid(5.0, 15.0), Grid(10.0, 40.0)


def drawn(radius_angstrom, deformation, grid, seed=0, centre=(30.3, 31.0, 30.6)):
    """A vesicle in the middle of a cube of 62 voxels, and what is drawn of it, in the cube."""
    shape = draw_shape(radius_angstrom / grid.voxel_size_angstrom, deformation, generator(seed))
    vesicle = Vesicle(np.array(centre), shape, 38.0, grid)
    drawing = vesicle.draw((62, 62, 62), 60.0)
    volume = np.zeros((62, 62, 62))
    where = tuple(slice(c, c + n) for c, n in zip(drawing.corner, drawing.mask.shape, strict=True))
    volume[where] = drawing.density
    return vesicle, volume


def test_bilayer_profile():
    profile = bilayer_profile(DISTANCES, 38.0, 2.0)
    left, right = profile[:1000].argmax(), 1001 + profile[1001:].argmax()
    assert DISTANCES[right] - DISTANCES[left] == pytest.approx(38, abs=1.5)
    assert profile[left] == pytest.approx(profile[right])
    assert profile[1000] < 0.25 * profile[left]  # methyl ends alone would be less than ice
    np.testing.assert_allclose(profile, profile[::-1], atol=1e-9)
    assert np.abs(profile[np.abs(DISTANCES) > 35]).max() < 0.01 * profile[right]


@pytest.mark.parametrize("sigma", [1.0, 5.0, 11.5])
def test_bilayer_keeps_areal_scattering(sigma):
    """At the thickness of DPPC: an area of 64 A^2 of the bilayer is two whole lipids."""
    lipid = Matter({"C": 40, "H": 80, "N": 1, "O": 8, "P": 1}, 319 + 28 * 28.5 + 2 * 57)
    areal = np.trapezoid(bilayer_profile(DISTANCES, 38.3, sigma), DISTANCES) / 1000  # per A^2
    assert areal == pytest.approx(2 * protein_dalton(lipid) / 64, rel=0.02)


def test_bilayer_is_resolved_at_20_angstrom():
    def trough(resolution):
        profile = bilayer_profile(DISTANCES, 38.0, resolution / np.sqrt(12))
        return 1 - profile[1000] / profile.max()

    assert trough(20) > 0.4
    assert trough(40) < 0.05


def test_spherical_vesicle():
    vesicle, volume = drawn(120.0, 0.0, FINE)
    away = np.linalg.norm(np.moveaxis(np.indices(volume.shape), 0, -1) - vesicle.centre, axis=-1)
    expected = bilayer_profile((away - 24) * 5, 38.0, FINE.sigma_voxels * 5)
    np.testing.assert_allclose(volume, expected, atol=0.01 * expected.max())
    areal = np.trapezoid(bilayer_profile(DISTANCES, 38.0, 5.0), DISTANCES)
    assert volume.sum() * 5**3 == pytest.approx(areal * 4 * np.pi * 120**2, rel=0.03)


@pytest.mark.parametrize("seed", range(2))
def test_deformed_vesicle(seed):
    """Areas by two ways, and distances against those from a dense cloud of points."""
    vesicle, volume = drawn(250.0, 0.1, COARSE, seed)
    towards = directions(80_000)
    surface, normals = vesicle.shape.surface(towards)
    away = np.linalg.norm(surface, axis=1)
    assert away.mean() == pytest.approx(25, rel=1e-3)
    assert away.std() == pytest.approx(2.5, rel=0.05)
    area = np.mean(away**2 / np.vecdot(towards, normals)) * 4 * np.pi
    areal = np.trapezoid(bilayer_profile(DISTANCES, 38.0, 11.5), DISTANCES)
    assert volume.sum() * 10**3 == pytest.approx(areal * area * 100, rel=0.03)
    points = vesicle.centre + generator(9).normal(size=(400, 3)) * 16
    nearest, rows = cKDTree(surface + vesicle.centre).query(points)
    near = nearest < 6
    assert near.sum() > 50
    inside = np.vecdot(points - vesicle.centre - surface[rows], normals[rows]) < 0
    distances = vesicle.shape.distance(points - vesicle.centre, 8.0)
    np.testing.assert_allclose(distances[near], np.where(inside, -nearest, nearest)[near], atol=0.3)


def test_exclusion_spheres_cover_membrane():
    vesicle, _ = drawn(250.0, 0.15, COARSE)
    centres, radius = vesicle.exclusion_spheres()
    surface, normals = vesicle.shape.surface(directions(20_000))
    tree = cKDTree(centres)
    for side in (-1, 0, 1):
        edge = surface + side * vesicle.half_thickness * normals + vesicle.centre
        assert tree.query(edge)[0].max() <= radius
    beyond = surface + 1.2 * vesicle.half_thickness * normals + vesicle.centre
    assert tree.query(beyond)[0].min() > radius
    spheres = vesicle.bounding_spheres()
    assert np.linalg.norm(centres - spheres[0], axis=1).max() < spheres[1]
    assert np.linalg.norm(centres - spheres[0], axis=1).max() > 0.9 * spheres[1]


def test_curvature():
    """Curvature along the surface, from the normals of neighbouring points."""

    def curvature(deformation):
        surface, normals = draw_shape(25.0, deformation, generator(0)).surface(directions(5000))
        neighbour = cKDTree(surface).query(surface, 2)[1][:, 1]
        apart = np.linalg.norm(surface - surface[neighbour], axis=1)
        return np.linalg.norm(normals - normals[neighbour], axis=1) / apart

    np.testing.assert_allclose(curvature(0.0), 1 / 25, rtol=0.01)
    varied = curvature(0.1)
    assert varied.std() > 0.2 * varied.mean()
    assert varied.max() < 8 / 25
