"""The volume is the sum of its particles, and the instance labels agree with it."""

import dataclasses
from collections import Counter

import numpy as np
import pytest
import scipy.stats
from particle_spheres import particle_spheres

from datasets import particles_of
from sections import changed, section
from ssn3d.core.errors import PlacementError
from ssn3d.core.seeds import generator
from ssn3d.io.particles.simulated import read_particles, write_particles
from ssn3d.specimen.build import build_specimen, copy_numbers
from ssn3d.specimen.volume import Grid, posed_map, render
from ssn3d.structures.maps import density_map

SETTINGS = section(
    "specimen",
    tomogram_size_voxels={"x": 80, "y": 60, "z": 40},
    region_size_voxels={"x": 120, "y": 100, "z": 80},
    particles=80,
    mask_threshold_dalton_per_nm3=20.0,
)
GRID = Grid(10.0, 40.0)


@pytest.fixture(scope="module")
def structures(molecule):
    """The molecule, and a club, whose bounding sphere is far from its centre of mass."""
    shaft = np.linspace((0, 0, 0), (90, 30, 0), 50)
    head = generator(0, "head").normal(size=(100, 3)) * 12
    club = np.concatenate([shaft, head])
    points = (club - club.mean(axis=0)).astype(np.float32)
    return {"1AAA": molecule, "2BBB": (points, np.full(len(points), 110, np.float32))}


@pytest.fixture(scope="module")
def specimen(structures):
    return build_specimen(structures, SETTINGS, generator(0, "specimen"))


def posed_maps(specimen, structures):
    """Row, corner and map of each particle."""
    particles = specimen.particles
    for i, (pdb_id, centre, rotation) in enumerate(
        zip(particles.pdb_ids, particles.centres, particles.rotations, strict=True)
    ):
        yield i, *posed_map(structures[str(pdb_id)], centre, rotation, GRID)


def test_bounding_spheres_do_not_overlap(specimen, structures):
    assert np.linalg.norm(specimen.summary["bounding_centre_voxels"]["2BBB"]) > 2
    centres, radii = particle_spheres(specimen)
    apart = np.linalg.norm(centres[:, None] - centres, axis=-1) + 1e9 * np.eye(len(radii))
    assert (apart >= radii[:, None] + radii - 1e-6).all()
    for i, corner, own in posed_maps(specimen, structures):
        above = np.argwhere(own > 0.25 * own.max()) + corner
        assert np.linalg.norm(above - centres[i], axis=1).max() < radii[i] + 0.5


def test_spheres_are_uniform_in_region(structures):
    """The tomogram is in the middle of the region, and particles fill it evenly."""
    settings = changed(
        SETTINGS,
        particles=600,
        region_size_voxels={"x": 240, "y": 220, "z": 200},
        tomogram_size_voxels=dict.fromkeys("xyz", 180),
    )
    small = {"1AAA": (structures["1AAA"][0] * np.float32(0.1), structures["1AAA"][1])}
    specimen = build_specimen(small, settings, generator(2, "s"))
    assert len(specimen.particles) > 300
    for axis, margin in enumerate((10, 20, 30)):
        reach = min(margin, GRID.margin_voxels)  # beyond it they are not drawn
        uniform = scipy.stats.uniform(-reach, 180 + 2 * reach)
        assert scipy.stats.kstest(particle_spheres(specimen)[0][:, axis], uniform.cdf).pvalue > 1e-3


def test_tomogram_is_middle_of_region(specimen, structures):
    """The whole region, drawn, contains the tomogram, with particles across its border."""
    settings = changed(SETTINGS, tomogram_size_voxels=SETTINGS.region_size_voxels.model_dump())
    whole = build_specimen(structures, settings, generator(0, "specimen"))
    middle = tuple(slice(20, 20 + size) for size in SETTINGS.tomogram_size_voxels.zyx)
    np.testing.assert_allclose(whole.density[middle], specimen.density, atol=1e-3)
    np.testing.assert_array_equal(whole.labels[middle] > 0, specimen.labels > 0)
    assert len(specimen.particles) < len(whole.particles) == 80


@pytest.mark.parametrize("voxel_size", [5.0, 10.0])
def test_posed_map_at_origin(molecule, voxel_size):
    corner, posed = posed_map(molecule, np.zeros(3), np.eye(3), Grid(voxel_size, 40.0))
    alone = density_map(*molecule, voxel_size, 40.0, size=2 * (-corner[0]))
    np.testing.assert_allclose(posed[:-2, :-2, :-2], alone, atol=1e-3)


def test_volume_holds_all_the_mass(structures):
    particles = particles_of([[25.2, 25, 25], [50, 50.7, 50]], ["1AAA", "2BBB"])
    density, _ = render(structures, particles, (80, 80, 80), Grid(10.0, 40.0), 20.0)
    masses = sum(structures[i][1].sum() for i in ("1AAA", "2BBB"))
    assert density.sum() == pytest.approx(masses, rel=1e-4)


def test_labels_match_own_density(specimen, structures):
    for i, corner, own in posed_maps(specimen, structures):
        where = np.argwhere(specimen.labels == i + 1)
        inside = ((where >= corner) & (where < corner + len(own))).all(axis=1)
        assert inside.all()
        assert (own[tuple((where - corner).T)] > SETTINGS.mask_threshold_dalton_per_nm3).all()
    unlabelled = specimen.density[specimen.labels == 0]
    assert np.quantile(unlabelled, 0.9) < SETTINGS.mask_threshold_dalton_per_nm3


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_shared_voxel_belongs_to_the_denser(structures, order):
    """Two particles that overlap, one half outside: their labels by each one's own density."""
    particles = particles_of([[20, 20, 0.3], [20, 23, 2.6]], ["1AAA", "2BBB"])[np.array(order)]
    shape, grid, threshold = (40, 44, 30), Grid(10.0, 40.0), 60.0
    alone = [
        render(structures, particles[np.array([i])], shape, grid, threshold)[0] for i in (0, 1)
    ]
    density, labels = render(structures, particles, shape, grid, threshold)
    np.testing.assert_allclose(density, alone[0] + alone[1], atol=1e-3)
    first, second = (own > threshold for own in alone)
    assert (first & second).sum() > 50
    assert (first | second)[:, :, 0].any()
    expected = np.where(first, 1, 0)
    expected[second & (~first | (alone[1] > alone[0]))] = 2
    np.testing.assert_array_equal(labels, expected)


def test_labels_need_own_density():
    """Three at one place: two are below the threshold, but denser together than the third."""
    grid, threshold, place = Grid(10.0, 40.0), 60.0, np.full(3, 10.0)
    point = np.zeros((1, 3), np.float32)
    _, unit = posed_map((point, np.ones(1, np.float32)), place, np.eye(3), grid)
    faint, strong = ((point, np.full(1, f * threshold / unit.max(), "f4")) for f in (0.9, 1.2))
    particles = particles_of([place] * 3, ["1AAA", "1AAA", "2BBB"])
    _, labels = render({"1AAA": faint, "2BBB": strong}, particles, (20,) * 3, grid, threshold)
    assert labels[10, 10, 10] == 3
    assert set(np.unique(labels)) == {0, 3}


def test_particles_outside_are_not_drawn(structures):
    particles = particles_of([[10, 10, -60], [10, 42, 10], [-22, 10, 10]], "2BBB")
    density, labels = render(structures, particles, (20, 20, 20), Grid(10.0, 40.0), 60.0)
    assert not labels.any()
    assert density.max() < 1e-3


def test_star_poses_redraw_the_volume(specimen, structures, tmp_path):
    write_particles(tmp_path / "p.star", specimen.particles, "t1", 10.0)
    particles = read_particles(tmp_path / "p.star")
    shape = SETTINGS.tomogram_size_voxels.zyx
    again, labels = render(structures, particles, shape, GRID, 20.0)
    assert np.corrcoef(again.ravel(), specimen.density.ravel())[0, 1] > 0.9999
    assert (labels == specimen.labels).mean() > 0.999
    mirrored = dataclasses.replace(particles, rotations=particles.rotations.transpose(0, 2, 1))
    wrong, _ = render(structures, mirrored, shape, GRID, 20.0)
    assert np.corrcoef(wrong.ravel(), specimen.density.ravel())[0, 1] < 0.95


def test_summary_counts_what_is_there(specimen):
    assert specimen.summary["particles_in_region"] == 80
    assert specimen.summary["particles_in_tomogram"] == len(specimen.particles) <= 80
    assert specimen.summary["copies"] == Counter(specimen.particles.pdb_ids.tolist())
    assert set(np.unique(specimen.labels)) <= set(range(len(specimen.particles) + 1))


def test_range_of_particles(structures):
    settings = changed(SETTINGS, particles=[20, 60])
    counts = [
        build_specimen(structures, settings, generator(0, "specimen", name)).summary[
            "particles_in_region"
        ]
        for name in ("t1", "t2", "t3")
    ]
    assert len(set(counts)) == 3
    assert all(20 <= count <= 60 for count in counts)


def test_same_seed_same_bytes(specimen, structures):
    again = build_specimen(structures, SETTINGS, generator(0, "specimen"))
    np.testing.assert_array_equal(again.density, specimen.density)
    other = build_specimen(structures, SETTINGS, generator(1, "specimen"))
    assert not np.array_equal(other.density, specimen.density)


def test_orientations_are_uniform(structures):
    size = dict.fromkeys("xyz", 300)
    settings = changed(SETTINGS, particles=2000, region_size_voxels=size, tomogram_size_voxels=size)
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


def test_remainder_is_random():
    ids = ["1AAA", "2BBB", "3CCC"]
    draws = [copy_numbers(ids, 7, "equal", generator(seed, "c")) for seed in range(60)]
    extra = [max(ids, key=draw.tolist().count) for draw in draws]
    assert min(extra.count(i) for i in ids) > 8  # of 60, 20 on average
    for seed in range(10):  # two left over are of two classes
        _, counts = np.unique(
            copy_numbers(ids, 8, "equal", generator(seed, "c")), return_counts=True
        )
        assert sorted(counts) == [2, 3, 3]
    first = [draw[0] for draw in draws]  # and the order is random too
    assert min(first.count(i) for i in ids) > 8


def test_more_particles_than_labels(specimen, structures, monkeypatch):
    count = len(specimen.particles)
    monkeypatch.setattr("ssn3d.specimen.build._MOST_LABELS", count)
    assert len(build_specimen(structures, SETTINGS, generator(0, "specimen")).particles) == count
    monkeypatch.setattr("ssn3d.specimen.build._MOST_LABELS", 5)
    with pytest.raises(PlacementError, match="at most 5 can be labelled"):
        build_specimen(structures, SETTINGS, generator(0, "specimen"))
