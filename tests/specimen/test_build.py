"""The volume is the sum of its particles, and its truth agrees with it."""

import dataclasses

import numpy as np
import pytest
import scipy.stats

from ssn3d.errors import PlacementError
from ssn3d.particles import Particles
from ssn3d.seeds import generator
from ssn3d.specimen.build import SpecimenSettings, build_specimen, copy_numbers
from ssn3d.specimen.maps import density_map
from ssn3d.specimen.volume import Grid, posed_map, render
from ssn3d.star import read_particles, write_particles

SETTINGS = SpecimenSettings(
    tomogram_size_voxels=(40, 60, 80),
    region_size_voxels=(60, 80, 100),
    voxel_size_angstrom=10.0,
    resolution_angstrom=40.0,
    particles=40,
    proportions="equal",
    bounding_threshold_fraction=0.2,
    mask_threshold_dalton_per_nm3=20.0,
)


@pytest.fixture(scope="module")
def structures(molecule):
    points, masses = molecule
    return {"1AAA": (points, masses), "2BBB": (points * np.float32(0.6), masses * np.float32(0.4))}


@pytest.fixture(scope="module")
def specimen(structures):
    return build_specimen(structures, SETTINGS, generator(0, "specimen"))


def test_a_particle_at_the_origin_is_its_map(molecule):
    corner, posed = posed_map(molecule, np.zeros(3), np.eye(3), Grid(10.0, 40.0))
    alone = density_map(*molecule, 10.0, 40.0, size=2 * (-corner[0]))
    np.testing.assert_allclose(posed[:-2, :-2, :-2], alone, atol=1e-3)


def test_volume_holds_all_the_mass(structures):
    particles = Particles(
        np.array(["1AAA", "2BBB"]),
        np.array([[25.2, 25, 25], [50, 50.7, 50]]),
        np.stack([np.eye(3)] * 2),
    )
    density, _ = render(structures, particles, (80, 80, 80), Grid(10.0, 40.0), 20.0)
    masses = sum(structures[i][1].sum() for i in ("1AAA", "2BBB"))
    assert density.sum() == pytest.approx(masses, rel=1e-4)


def test_labels_are_where_the_own_density_is_above_the_threshold(specimen, structures):
    for i, pdb_id in enumerate(specimen.particles.pdb_ids):
        corner, own = posed_map(
            structures[str(pdb_id)],
            specimen.particles.centres[i],
            specimen.particles.rotations[i],
            SETTINGS.grid,
        )
        where = np.argwhere(specimen.labels == i + 1)
        inside = ((where >= corner) & (where < corner + len(own))).all(axis=1)
        assert inside.all()
        assert (own[tuple((where - corner).T)] > SETTINGS.mask_threshold_dalton_per_nm3).all()
    unlabelled = specimen.density[specimen.labels == 0]
    assert np.quantile(unlabelled, 0.9) < SETTINGS.mask_threshold_dalton_per_nm3


def test_poses_from_the_star_file_draw_the_volume_again(specimen, structures, tmp_path):
    write_particles(tmp_path / "p.star", specimen.particles, "t1", 10.0)
    particles = read_particles(tmp_path / "p.star")
    shape = SETTINGS.tomogram_size_voxels
    again, labels = render(structures, particles, shape, SETTINGS.grid, 20.0)
    assert np.corrcoef(again.ravel(), specimen.density.ravel())[0, 1] > 0.9999
    assert (labels == specimen.labels).mean() > 0.999
    mirrored = dataclasses.replace(particles, rotations=particles.rotations.transpose(0, 2, 1))
    wrong, _ = render(structures, mirrored, shape, SETTINGS.grid, 20.0)
    assert np.corrcoef(wrong.ravel(), specimen.density.ravel())[0, 1] < 0.95


def test_summary_counts_what_is_there(specimen):
    assert specimen.summary["particles_in_region"] == 40
    assert sum(specimen.summary["copies"].values()) == len(specimen.particles) <= 40
    assert set(np.unique(specimen.labels)) <= set(range(len(specimen.particles) + 1))


def test_same_seed_same_bytes(specimen, structures):
    again = build_specimen(structures, SETTINGS, generator(0, "specimen"))
    np.testing.assert_array_equal(again.density, specimen.density)
    other = build_specimen(structures, SETTINGS, generator(1, "specimen"))
    assert not np.array_equal(other.density, specimen.density)


def test_orientations_are_uniform(structures):
    settings = dataclasses.replace(
        SETTINGS, particles=2000, region_size_voxels=(300,) * 3, tomogram_size_voxels=(300,) * 3
    )
    tiny = {"1AAA": tuple(a[:1] * 0 + v for a, v in zip(structures["1AAA"], (0, 100), strict=True))}
    rotations = build_specimen(tiny, settings, generator(5, "s")).particles.rotations
    # every entry of a uniform rotation is the coordinate of a uniform point on the sphere
    for entry in rotations.reshape(-1, 9).T:
        assert scipy.stats.kstest(entry, scipy.stats.uniform(-1, 2).cdf).pvalue > 1e-4
    np.testing.assert_allclose(np.linalg.det(rotations), 1)


def test_proportions():
    ids = ["1AAA", "2BBB", "3CCC"]
    equal = copy_numbers(ids, 100, "equal", generator(0, "c"))
    assert sorted(np.unique(equal, return_counts=True)[1]) == [33, 33, 34]
    uneven = copy_numbers(ids, 3000, "random", generator(0, "c"))
    assert len(uneven) == 3000
    assert np.ptp(np.unique(uneven, return_counts=True)[1]) > 100


def test_more_particles_than_labels_is_an_error(structures, monkeypatch):
    monkeypatch.setattr("ssn3d.specimen.build._MOST_LABELS", 5)
    with pytest.raises(PlacementError, match="labels count to 5"):
        build_specimen(structures, SETTINGS, generator(0, "specimen"))
