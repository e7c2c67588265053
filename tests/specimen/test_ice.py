"""A slab of ice: particles and background inside it alone, and no contrast of its own."""

import numpy as np
import pytest
from particle_spheres import particle_spheres

from sections import changed, section
from ssn3d.core.errors import PlacementError
from ssn3d.core.seeds import generator
from ssn3d.microscope.projector import Projector
from ssn3d.specimen.build import build_specimen
from ssn3d.specimen.free_space import FreeSpace
from ssn3d.specimen.ice import Slab, draw_slab, subtract_slab_mean
from ssn3d.specimen.placement import place_spheres
from ssn3d.structures.scattering import ICE, PROTEIN, protein_dalton_per_nm3

SETTINGS = section(
    "specimen",
    tomogram_size_voxels={"x": 100, "y": 80, "z": 70},
    region_size_voxels={"x": 120, "y": 100, "z": 90},
    particles=80,
    fiducials={"count": 3, "diameter_angstrom": [80.0, 100.0]},
    ice={"thickness_angstrom": 350.0, "tilt_about_x_deg": 6.0, "tilt_about_y_deg": -10.0},
)
SHAPE = SETTINGS.tomogram_size_voxels.zyx


@pytest.fixture(scope="module")
def specimen(structures):
    return build_specimen(structures, SETTINGS, generator(2, "ice"))


@pytest.fixture(scope="module")
def slab():
    return draw_slab(SETTINGS, generator(0))[0]


def test_slab_thickness_and_tilt(slab):
    assert slab.thickness == 35.0
    np.testing.assert_allclose(slab.centre, (35, 40, 50))
    assert np.linalg.norm(slab.normal) == pytest.approx(1)
    alone = {
        axis: draw_slab(changed(SETTINGS, ice={f"tilt_about_{axis}_deg": 0.0}), generator(0))[0]
        for axis in "xy"
    }
    ten, six = np.deg2rad([10, 6])
    np.testing.assert_allclose(alone["x"].normal, (np.cos(ten), 0, -np.sin(ten)))
    np.testing.assert_allclose(alone["y"].normal, (np.cos(six), -np.sin(six), 0))
    on_top = slab.centre + 17.0 * slab.normal
    assert slab.depth(on_top) == pytest.approx(0.5)
    assert slab.depth(on_top + slab.normal) == pytest.approx(-0.5)
    assert draw_slab(changed(SETTINGS, ice=None), generator(0)) == (None, {})


def test_all_objects_lie_in_ice(specimen, slab):
    assert specimen.summary["particles_in_region"] == 80
    centres, radii = particle_spheres(specimen)
    depths = slab.depth(centres) - radii
    assert (depths >= -1e-6).all()
    assert depths.min() < 1.5  # they reach the faces
    assert (
        slab.depth(specimen.background.centres) >= specimen.background.sizes_angstrom / 20
    ).all()
    inside = slab.depth(np.moveaxis(np.indices(SHAPE), 0, -1).astype(float))
    assert specimen.labels[inside < -3].max() == 0


def test_density_in_and_outside_ice(specimen, structures, slab):
    inside = slab.depth(np.moveaxis(np.indices(SHAPE), 0, -1).astype(float))
    assert specimen.density[inside > -1].mean() == pytest.approx(0, abs=1)
    assert specimen.density.mean(dtype=np.float64) == pytest.approx(0, abs=1e-3)
    assert np.abs(specimen.density[inside < -8]).max() < 1e-3
    endless = build_specimen(structures, changed(SETTINGS, ice=None), generator(2, "ice"))
    assert endless.density.min() > -1e-6


def test_even_slab_has_no_contrast():
    """Faces are not drawn: the slab of a wide specimen, imaged in a field in its middle."""
    angles, thickness, field, wide = [-60.0, -30.0, 0.0, 30.0, 60.0], 24.0, 64, 512
    ice = -protein_dalton_per_nm3(ICE)  # of which the zero is ice itself
    assert ice == 0
    step = 1000 * PROTEIN.mass_dalton / PROTEIN.excess_angstrom
    step *= ICE.scattering_angstrom / ICE.volume_angstrom3  # from the vacuum to ice
    assert step == pytest.approx(1050, rel=0.02)

    def spread(width):
        slab = Slab(np.array([32.0, 0.0, width / 2]), np.array([1.0, 0.0, 0.0]), thickness)
        heights = slab.depth(np.moveaxis(np.indices((64, 1, width)), 0, -1).astype(float))
        volume = (step * np.clip(heights + 0.5, 0, 1)).astype(np.float32)
        volume -= volume.mean()
        middle = slice((width - field) // 2, (width + field) // 2)
        images = Projector(64, width, angles).project(volume)[:, 0, middle]
        return np.ptp(images, axis=1).max()

    protein = 826 * 10  # a path of 10 nm through it
    assert spread(wide) < 0.02 * protein
    assert spread(field) > protein


def test_subtract_slab_mean():
    density = generator(0).random((20, 30, 40), dtype=np.float32)
    whole = Slab(np.array([10.0, 15, 20]), np.array([1.0, 0, 0]), 1000.0)
    levelled = density.copy()
    subtract_slab_mean(levelled, whole)
    np.testing.assert_allclose(levelled, density - density.mean(), atol=1e-5)
    thin = Slab(np.array([10.0, 15, 20]), np.array([1.0, 0, 0]), 4.0)
    levelled = density.copy()
    subtract_slab_mean(levelled, thin)
    np.testing.assert_array_equal(levelled[:7], density[:7])
    np.testing.assert_array_equal(levelled[14:], density[14:])


@pytest.mark.parametrize("fraction", [0.1, 0.34])
def test_spheres_are_pushed_into_free_space(fraction):
    """Dilute ones are inserted; dense ones relax, and leave a wall and the ice's faces alone."""
    radii = np.full(400, 3.0)
    box = np.array([60.0, 70.0, 80.0])
    normal = np.array([np.cos(0.1), np.sin(0.1), 0.0])
    thickness = np.sum(4 / 3 * np.pi * radii**3) / fraction / (70 * 80)
    free_space = FreeSpace(Slab(box / 2, normal, thickness))
    y, x = np.meshgrid(np.arange(70.0), np.arange(20.0, 60.0))
    wall = np.stack([30 + 0 * x, y, x], axis=-1).reshape(-1, 3)[:400]
    free_space.block(wall, 1.5)
    centres = place_spheres(radii, box, generator(0, "room"), free_space)
    apart = np.linalg.norm(centres[:, None] - centres, axis=-1) + 1e9 * np.eye(400)
    assert apart.min() >= 6 - 1e-9
    assert np.linalg.norm(centres[:, None] - wall, axis=-1).min() >= 4.5 - 1e-9
    assert (free_space.slab.depth(centres) >= 3 - 1e-9).all()
    assert ((centres >= 0) & (centres <= box)).all()


def test_thin_ice_is_an_error(structures):
    thin = changed(SETTINGS, ice={"thickness_angstrom": 100.0}, fiducials=None)
    with pytest.raises(PlacementError, match=r"specimen\.ice\.thickness_angstrom: the ice is 10 "):
        build_specimen(structures, thin, generator(0, "thin"))
    some = changed(thin, ice={"thickness_angstrom": 60.0}, particles=[2, 5])
    with pytest.raises(PlacementError, match=r"specimen\.particles: no particle fits"):
        build_specimen(structures, some, generator(0, "some"))
    full = changed(SETTINGS, ice={"thickness_angstrom": 350.0}, particles=3000)
    with pytest.raises(PlacementError, match=r"fill \d+% of the region; .* or thicker ice"):
        build_specimen(structures, full, generator(0, "full"))
