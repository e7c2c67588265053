"""The bounding sphere is the smallest one, wherever its centre is."""

import numpy as np
import pytest
from scipy.optimize import nnls
from scipy.spatial.transform import Rotation
from synthetic_entries import read_entry

from ssn3d.core.seeds import generator
from ssn3d.structures.bounding import bounding_sphere, smallest_sphere
from ssn3d.structures.maps import density_map


@pytest.mark.parametrize(
    ("points", "centre", "radius"),
    [
        ([[1, 2, 3]], [1, 2, 3], 0),
        ([[0, 0, 0], [0, 0, 4], [0, 1, 2]], [0, 0, 2], 2),  # the third point lies within
        ([[0, 0, 0], [0, 4, 0], [0, 0, 4], [0, 4, 4]], [0, 2, 2], 8**0.5),  # a square
        ([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]], [0, 0, 0], 3**0.5),  # a tetrahedron
        ([[0, 0, 0], [0, 0, 1], [0, 0, 2], [0, 0, 7]], [0, 0, 3.5], 3.5),  # a line
    ],
)
def test_known_spheres(points, centre, radius):
    found = smallest_sphere(np.array(points))
    np.testing.assert_allclose(found[0], centre, atol=1e-12)
    assert found[1] == pytest.approx(radius)


@pytest.mark.parametrize("count", [2, 3, 4, 5, 6, 300])
@pytest.mark.parametrize("kind", ["ball", "rod", "lattice"])
def test_sphere_is_smallest(kind, count):
    rng = generator(count, kind)
    points = rng.normal(size=(count, 3)) * {"ball": 1, "rod": (9, 1, 0.1), "lattice": 3}[kind]
    points = np.round(points) if kind == "lattice" else points
    centre, radius = smallest_sphere(points)
    distances = np.linalg.norm(points - centre, axis=1)
    assert distances.max() == pytest.approx(radius)
    # A sphere can shrink unless its centre is a mean, by some weights, of points on its surface.
    surface = points[np.isclose(distances, radius)]
    _, miss = nnls(np.vstack([surface.T, np.ones(len(surface))]), np.append(centre, 1))
    assert miss < 1e-6


def test_sphere_of_voxels_above_threshold():
    """A ball of radius 10 off the centre, a fainter voxel far away, and one below the threshold."""
    away = np.indices((41, 41, 41)) - np.array([20, 17, 24])[:, None, None, None]
    density = ((away**2).sum(axis=0) <= 100).astype(np.float32)
    density[20, 3, 24] = 0.21
    density[0, 0, 0] = 0.2
    centre, radius = bounding_sphere(density, 0.2)
    assert radius == pytest.approx(12)
    np.testing.assert_allclose(centre, [0, -5, 4], atol=1e-9)


def test_sphere_turns_with_a_structure(molecule):
    points, masses = molecule
    turn = Rotation.random(rng=generator(2, "turn")).as_matrix()
    turned = points @ turn.T.astype(np.float32)
    centre, radius = bounding_sphere(density_map(points, masses, 4.0, 40.0), 0.2)
    again, same = bounding_sphere(density_map(turned, masses, 4.0, 40.0), 0.2)
    assert same == pytest.approx(radius, rel=0.03)
    assert np.linalg.norm(centre) > 2  # off the centre of mass
    np.testing.assert_allclose(again, turn @ centre, atol=0.5)


@pytest.mark.parametrize(
    ("file", "radius_nm"), [("2GLS.pdb.gz", 8.37), ("1BXR.pdb.gz", 12.06), ("2GHO.pdb.gz", 7.67)]
)
def test_published_radii(real_structures, file, radius_nm):
    real = read_entry(real_structures / file, file[:4])
    density = density_map(real.points_angstrom, real.masses_dalton, 10.0, 40.0)
    assert bounding_sphere(density, 0.2)[1] == pytest.approx(radius_nm, rel=0.02)
