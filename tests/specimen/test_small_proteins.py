"""Small proteins keep their mass, fill the ice alone, and have no labels; resolution as a range."""

import numpy as np
import pytest

from sections import changed, section
from ssn3d.core.seeds import generator
from ssn3d.specimen.build import build_specimen
from ssn3d.specimen.ice import draw_slab
from ssn3d.specimen.settings import SmallProteinsSettings
from ssn3d.specimen.small_proteins import add_small_proteins
from ssn3d.specimen.volume import Grid

SETTINGS = section(
    "specimen",
    tomogram_size_voxels={"x": 80, "y": 70, "z": 60},
    region_size_voxels={"x": 100, "y": 90, "z": 80},
    particles=30,
)
ICE = {"thickness_angstrom": 300.0, "tilt_about_x_deg": 3.0, "tilt_about_y_deg": -5.0}
MANY = SmallProteinsSettings(concentration_per_um3=2e6, mass_dalton=[10_000.0, 60_000.0])


@pytest.mark.parametrize("grid", [Grid(10.0, 40.0), Grid(10.0, 20.0), Grid(16.0, 40.0)])
def test_mass_is_kept_and_even(grid):
    density = np.zeros((50, 60, 70), dtype=np.float32)
    concentration = add_small_proteins(density, MANY, None, grid, generator(0, "small"))
    assert concentration == 2e6
    expected = 2e6 * 35_000 / 1e9  # dalton per nm^3
    assert density.mean() == pytest.approx(expected, rel=0.1)
    assert density.min() >= 0
    assert density.max() > 5 * expected  # single proteins stand out
    edges = [density[:3], density[-3:], density[:, :3], density[:, -3:], density[:, :, -3:]]
    for edge in edges:
        assert edge.mean() == pytest.approx(expected, rel=0.35)


def test_blur_of_one_protein():
    """The spread of a protein is that of its ball and of the blur, as for particles."""
    one = SmallProteinsSettings(concentration_per_um3=1e4, mass_dalton=30_000.0)
    grid = Grid(10.0, 40.0)
    spreads = []
    for seed in range(60):
        density = np.zeros((46, 46, 46), dtype=np.float32)
        add_small_proteins(density, one, None, grid, generator(seed, "one"))
        if density.sum() != pytest.approx(30_000, rel=1e-3):
            continue  # none, or several
        density = np.roll(
            density, 23 - np.array(np.unravel_index(density.argmax(), (46,) * 3)), (0, 1, 2)
        )
        offsets = np.arange(46) - 23
        for axis in range(3):
            along = density.sum(axis=tuple({0, 1, 2} - {axis})) / density.sum()
            spreads.append(np.sum(along * offsets**2) - np.sum(along * offsets) ** 2)
    radius = np.cbrt(0.75 / np.pi * 1.21 * 30_000) / 10
    expected = radius**2 / 5 * 7 / 8 + grid.sigma_voxels**2  # of 8 points, about their own mean
    assert len(spreads) > 20
    assert np.mean(spreads) == pytest.approx(expected, rel=0.1)


def test_small_proteins_lie_in_ice(structures):
    settings = changed(SETTINGS, ice=ICE, small_proteins=MANY.model_dump())
    specimen = build_specimen(structures, settings, generator(1, "small"))
    without = build_specimen(
        structures, changed(settings, small_proteins=None), generator(1, "small")
    )
    np.testing.assert_array_equal(specimen.labels, without.labels)
    slab = draw_slab(settings, generator(0))[0]
    depth = slab.depth(np.moveaxis(np.indices(specimen.labels.shape), 0, -1).astype(float))
    assert np.abs(specimen.density[depth < -9]).max() < 1e-3
    assert specimen.density[depth > 3].std() > 2 * 70
    assert specimen.density[depth > 0].mean() == pytest.approx(0, abs=4)
    assert specimen.summary["numbers"]["small_proteins.concentration_per_um3"] == 2e6


def test_range_of_resolution(structures):
    """Each tomogram draws its own, records it, and is drawn at it."""
    settings = changed(SETTINGS, resolution_angstrom=[25.0, 50.0])
    drawn = []
    for name in ("t1", "t2"):
        specimen = build_specimen(structures, settings, generator(0, name))
        resolution = specimen.summary["numbers"]["resolution_angstrom"]
        again = changed(settings, resolution_angstrom=resolution)
        same = build_specimen(structures, again, generator(0, name))
        np.testing.assert_array_equal(specimen.density, same.density)
        assert "resolution_angstrom" not in same.summary["numbers"]
        drawn.append(resolution)
    assert len(set(drawn)) == 2
    assert all(25 <= resolution <= 50 for resolution in drawn)


def test_finest_resolution_is_checked():
    with pytest.raises(ValueError, match="resolution_angstrom: 15 is finer than two voxels"):
        changed(SETTINGS, resolution_angstrom=[15.0, 40.0])
