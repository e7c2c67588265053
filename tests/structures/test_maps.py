"""Maps keep mass, centre and second moment, and rotate with their points."""

import numpy as np
import pytest
import scipy.ndimage
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from ssn3d.core.seeds import generator
from ssn3d.structures.maps import density_map, sigma_voxels

VOXEL, RESOLUTION = 10.0, 40.0


def moments(density):
    """Mass, centre (3,) relative to index n // 2, and covariance (3, 3) of a map."""
    offsets = np.indices(density.shape).reshape(3, -1) - np.array(density.shape)[:, None] // 2
    weights = density.astype(float).ravel()
    centre = offsets @ weights / weights.sum()
    spread = offsets - centre[:, None]
    return weights.sum(), centre, (spread * weights) @ spread.T / weights.sum()


def test_map_moments(molecule):
    points, masses = molecule
    mass, centre, covariance = moments(density_map(*molecule, VOXEL, RESOLUTION))
    assert mass == pytest.approx(masses.sum(), rel=1e-5)
    np.testing.assert_allclose(centre, 0, atol=1e-4)
    of_points = np.cov(points.T / VOXEL, aweights=masses, bias=True)
    blur = sigma_voxels(RESOLUTION, VOXEL) ** 2
    np.testing.assert_allclose(covariance, of_points + blur * np.eye(3), atol=0.02 * blur)


@given(st.integers(0, 2**32))
def test_single_point(seed):
    rng = generator(seed, "point")
    point = rng.uniform(-50, 50, size=(1, 3)).astype(np.float32)
    mass, centre, _ = moments(density_map(point, np.ones(1, np.float32), VOXEL, RESOLUTION, 30))
    assert mass == pytest.approx(1, rel=1e-5)
    np.testing.assert_allclose(centre, point[0] / VOXEL, atol=1e-4)


def test_rotated_map(molecule):
    points, masses = molecule
    rotation = Rotation.random(rng=generator(1, "turn")).as_matrix()
    size = 40
    turned = density_map(points @ rotation.T.astype(np.float32), masses, VOXEL, RESOLUTION, size)
    original = density_map(points, masses, VOXEL, RESOLUTION, size)
    centre = np.full(3, size // 2)
    expected = scipy.ndimage.affine_transform(
        original, rotation.T, centre - rotation.T @ centre, order=3
    )
    assert np.corrcoef(turned.ravel(), expected.ravel())[0, 1] > 0.99
    mirrored = expected[:, :, ::-1]
    assert np.corrcoef(turned.ravel(), mirrored.ravel())[0, 1] < 0.95


def test_density_is_independent_of_voxel_size(molecule):
    coarse = density_map(*molecule, 10.0, 80.0)
    fine = density_map(*molecule, 5.0, 80.0)
    assert fine.max() == pytest.approx(coarse.max(), rel=0.03)
    assert fine.sum() == pytest.approx(8 * coarse.sum(), rel=1e-5)  # dalton per nm^3


@pytest.mark.parametrize("voxel_size", [2.5, 5.0, 10.0, 20.0])
def test_margin(voxel_size):
    """Two outermost points keep their mass and position; nothing is cut off at the faces."""
    points = np.array([[20, 20, 20], [-20, -20, -20]], dtype=np.float32)
    drawn = density_map(points, np.array([3, 1], np.float32), voxel_size, RESOLUTION)
    mass, centre, _ = moments(drawn)
    assert mass * (voxel_size / 10) ** 3 == pytest.approx(4, rel=1e-5)  # dalton per nm^3
    np.testing.assert_allclose(centre * voxel_size, 10, atol=1e-3)
    faces = [np.take(drawn, end, axis=axis) for axis in range(3) for end in (0, -1)]
    assert sum(face.sum() for face in faces) / drawn.sum() < 1e-4


@pytest.mark.parametrize("voxel_size", [2.5, 5.0, 10.0])
def test_blur_at_any_voxel_size(voxel_size):
    point = np.full((1, 3), voxel_size / 2, dtype=np.float32)  # between voxels
    _, _, covariance = moments(density_map(point, np.ones(1, np.float32), voxel_size, RESOLUTION))
    splat = (1 / 4 - 1 / 6) * voxel_size**2  # variance there, less what it is on average
    expected = (RESOLUTION**2 / 12 + splat) * np.eye(3)
    np.testing.assert_allclose(covariance * voxel_size**2, expected, atol=0.01 * RESOLUTION)


def test_too_small_cube_and_too_fine_blur(molecule):
    with pytest.raises(ValueError, match="too small"):
        density_map(*molecule, VOXEL, RESOLUTION, size=8)
    with pytest.raises(ValueError, match="finer than the grid"):
        density_map(*molecule, VOXEL, 5.0)
