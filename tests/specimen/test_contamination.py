"""Gold, and dirt, carbon and gold at the faces of the ice; the contrast of the ice itself."""

import numpy as np
import pytest
import scipy.ndimage

from sections import changed, section
from ssn3d.core.classes import OTHER, class_of_kind
from ssn3d.core.seeds import generator
from ssn3d.specimen.background import place_background
from ssn3d.specimen.build import build_specimen
from ssn3d.specimen.carbon import Carbon
from ssn3d.specimen.dirt import Dirt, draw_lump
from ssn3d.specimen.fiducial import Fiducial, blurred_ball
from ssn3d.specimen.ice import draw_slab
from ssn3d.specimen.volume import Grid
from ssn3d.structures.scattering import CARBON, GOLD, protein_dalton_per_nm3

GRID = Grid(10.0, 40.0)
SETTINGS = section(
    "specimen",
    tomogram_size_voxels={"x": 100, "y": 90, "z": 80},
    region_size_voxels={"x": 120, "y": 110, "z": 100},
    particles=40,
    ice={"thickness_angstrom": 400.0, "tilt_about_x_deg": 3.0, "tilt_about_y_deg": -5.0},
    fiducials={
        "count": 4, "diameter_angstrom": [50.0, 100.0], "contrast": [2.0, 4.0], "place": "surface",
    },
    dirt={
        "count": 3, "diameter_angstrom": [100.0, 200.0],
        "contrast_dalton_per_nm3": [800.0, 2000.0], "place": "surface",
    },
    carbon={
        "count": 1, "thickness_angstrom": 120.0, "hole_radius_angstrom": 3000.0, "place": "face",
    },
)  # fmt: skip


@pytest.fixture(scope="module")
def slab():
    return draw_slab(SETTINGS, generator(0))[0]


def test_dirt_density_and_mask():
    lump = draw_lump(12.0, generator(2, "lump"))
    dirt = Dirt(np.array([25.2, 24.6, 25.0]), lump, 1500.0, GRID)
    drawn = dirt.draw((50, 50, 50), 60.0)
    assert drawn.density.max() == pytest.approx(1500, rel=0.01)
    assert drawn.density.sum() == pytest.approx(1500 * drawn.mask.sum(), rel=0.06)
    ball = 4 / 3 * np.pi * 12**3
    assert 0.4 * ball < drawn.mask.sum() < ball
    centres, radius = dirt.bounding_spheres()
    where = np.argwhere(drawn.mask) + drawn.corner
    assert np.linalg.norm(where - centres, axis=1).max() < radius
    assert Dirt(np.full(3, -40.0), lump, 1500.0, GRID).draw((50, 50, 50), 60.0) is None


@pytest.mark.parametrize("hole_radius", [np.inf, 40.0])
def test_carbon_film(hole_radius):
    """The film has its thickness and the density of carbon, and ends at the edge of the hole."""
    size = (40, 60, 70)
    normal, outwards = np.array([1.0, 0, 0]), np.array([0, 0, 1.0])
    centre = np.array([18.0, 30.0, 30.0])
    film = Carbon(centre, normal, outwards, 150.0, hole_radius, np.array(size, float), GRID)
    drawn = film.draw(size, 60.0)
    density = np.zeros(size)
    density[drawn.corner[0] : drawn.corner[0] + len(drawn.density)] = drawn.density
    carbon = protein_dalton_per_nm3(CARBON)
    assert 500 < carbon < 2000
    assert density[18, 30, 60] == pytest.approx(carbon, rel=0.01)
    assert density[:, 30, 60].sum() == pytest.approx(15 * carbon, rel=0.01)
    assert density[18, 30, 30] == pytest.approx(carbon / 2, rel=0.02)
    assert abs(density[18, 30, 10]) < 1
    straight = np.isinf(hole_radius)
    edge = density[18, 2, :].searchsorted(carbon / 2)
    assert edge == pytest.approx(30 if straight else 30 - 40 + np.sqrt(40**2 - 28**2), abs=1)
    centres, radius = film.exclusion_spheres()
    for point in np.argwhere(density > 0.9 * carbon)[::97]:
        assert np.linalg.norm(centres - point, axis=1).min() <= radius + 1


def test_places_at_faces(slab):
    objects = place_background(SETTINGS, slab, GRID, generator(1, "dirt"))
    kinds = [obstacle.kind for obstacle in objects]
    assert {kind: kinds.count(kind) for kind in kinds} == {"carbon": 1, "fiducial": 4, "dirt": 3}
    assert {class_of_kind(kind) for kind in kinds} == {OTHER}
    for obstacle in objects:
        above = abs(slab.height(obstacle.centre)) - slab.thickness / 2
        radius = obstacle.size_angstrom / 20
        if obstacle.kind == "carbon":
            assert above == pytest.approx(-radius)
        else:
            assert -radius <= above <= radius
    inside = changed(SETTINGS, fiducials={"place": "inside"}, dirt={"place": "inside"})
    for obstacle in place_background(inside, slab, GRID, generator(1, "dirt")):
        if obstacle.kind != "carbon":
            centres, radius = obstacle.bounding_spheres()
            assert (slab.depth(centres) >= radius).all()


def test_gold_contrast_is_a_factor(slab):
    drawn = {
        contrast: [
            obstacle.draw((80, 90, 100), 60.0).density.max()
            for obstacle in place_background(
                changed(SETTINGS, fiducials={"contrast": contrast, "diameter_angstrom": 100.0}),
                slab, GRID, generator(1, "dirt"),
            )
            if obstacle.kind == "fiducial"
        ]
        for contrast in (1.0, 3.5)
    }  # fmt: skip
    assert max(drawn[1.0]) == pytest.approx(protein_dalton_per_nm3(GOLD), rel=0.05)
    np.testing.assert_allclose(drawn[3.5], np.multiply(drawn[1.0], 3.5), rtol=1e-5)


def test_drawn_numbers_are_recorded(structures):
    specimen = build_specimen(structures, SETTINGS, generator(3, "numbers"))
    assert 2 <= specimen.summary["numbers"]["fiducials.contrast"] <= 4
    assert "resolution_angstrom" not in specimen.summary["numbers"]


def test_faces_without_ice():
    """They are the lowest and the highest plane."""
    endless = changed(SETTINGS, ice=None, carbon=None)
    for obstacle in place_background(endless, None, GRID, generator(1, "dirt")):
        from_face = min(abs(obstacle.centre[0]), abs(80 - obstacle.centre[0]))
        assert from_face <= obstacle.size_angstrom / 20


def test_ice_with_contrast(structures, slab):
    plain = changed(SETTINGS, fiducials=None, dirt=None, carbon=None)
    off = build_specimen(structures, plain, generator(4, "ice")).density
    on = changed(plain, ice={"contrast_dalton_per_nm3": 300.0})
    specimen = build_specimen(structures, on, generator(4, "ice"))
    depth = slab.depth(np.moveaxis(np.indices(off.shape), 0, -1).astype(float))
    added = specimen.density - off
    np.testing.assert_allclose(added[depth > 3], 300, atol=1e-3)
    np.testing.assert_allclose(added[depth < -3], 0, atol=1e-3)
    assert added[np.abs(depth) < 0.1].mean() == pytest.approx(150, rel=0.05)
    assert specimen.summary["numbers"]["ice.contrast_dalton_per_nm3"] == 300


@pytest.mark.parametrize("diameter", [50.0, 100.0, 200.0])
def test_bead_mass_and_mask(diameter):
    bead = Fiducial(np.array([30.2, 29.5, 30.9]), diameter, GRID)
    drawn = bead.draw((60, 60, 60), 60.0)
    ball = np.pi / 6 * diameter**3 / 1e3  # voxels
    assert drawn.density.sum() == pytest.approx(ball * protein_dalton_per_nm3(GOLD), rel=1e-3)
    assert drawn.mask.sum() == pytest.approx(ball, rel=0.1)
    centre = drawn.corner + scipy.ndimage.center_of_mass(drawn.density)
    np.testing.assert_allclose(centre, bead.centre, atol=1e-3)


def test_blurred_ball():
    away = np.linalg.norm(np.indices((81,) * 3).T - 40.0, axis=-1)
    fine = np.clip(20.5 - away, 0, 1)  # with a smooth edge
    expected = scipy.ndimage.gaussian_filter(fine, 6.0)
    np.testing.assert_allclose(blurred_ball(away, 20.0, 6.0), expected, atol=0.005)


def test_bead_at_border_and_outside():
    whole = Fiducial(np.array([30.0, 30, 30]), 100.0, GRID).draw((60, 60, 60), 60.0)
    cut = Fiducial(np.array([30.0, 30, 0]), 100.0, GRID).draw((60, 60, 60), 60.0)
    assert cut.density.sum() == pytest.approx(whole.density.sum() / 2, rel=0.2)
    assert (cut.corner >= 0).all()
    assert Fiducial(np.array([30.0, 30, -40]), 100.0, GRID).draw((60, 60, 60), 60.0) is None
