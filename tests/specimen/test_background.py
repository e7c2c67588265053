"""Fiducials, vesicles and filaments: their number, places and labels; no effect when off."""

import hashlib

import numpy as np
import pytest
from particle_spheres import particle_spheres
from scipy.spatial import cKDTree

from sections import changed, section
from ssn3d.core.errors import PlacementError
from ssn3d.core.seeds import generator
from ssn3d.specimen.background import place_background
from ssn3d.specimen.build import build_specimen
from ssn3d.specimen.volume import Grid, posed_map

OFF = section(
    "specimen",
    tomogram_size_voxels={"x": 90, "y": 80, "z": 60},
    region_size_voxels={"x": 110, "y": 100, "z": 80},
    particles=70,
)
ON = changed(
    OFF,
    fiducials={"count": 4, "diameter_angstrom": [50.0, 200.0]},
    vesicles={
        "count": 2, "radius_angstrom": [120.0, 200.0], "deformation_fraction": 0.08,
        "thickness_angstrom": 38.0,
    },
    filaments={"actin": 2, "microtubules": 1, "length_angstrom": [300.0, 900.0]},
)  # fmt: skip
GRID = Grid(10.0, 40.0)
EXPECTED = (70, "4043369a1401b2df", "3627df4405c3e300")  # before there were any options
KINDS = {"vesicle": 2, "microtubule": 1, "actin": 2, "fiducial": 4}


@pytest.fixture(scope="module")
def specimen(structures):
    return build_specimen(structures, ON, generator(1, "ground"))


@pytest.fixture(scope="module")
def objects():
    """The objects of the specimen, whose random numbers are their own."""
    return place_background(ON, None, GRID, generator(1, "ground").spawn(2)[1])


def digest(values):
    return hashlib.sha256(np.round(values, 4).astype(np.float64).tobytes()).hexdigest()[:16]


def test_plain_specimen_is_unchanged(structures):
    """Places and orientations as measured before, and the plain sum of particles, bit by bit."""
    specimen = build_specimen(structures, OFF, generator(1, "ground"))
    particles = specimen.particles
    assert len(particles) == EXPECTED[0]
    assert (digest(particles.centres), digest(particles.rotations)) == EXPECTED[1:]
    total = np.zeros((140, 160, 170), dtype=np.float32)  # 40 voxels more on each side
    for pdb_id, centre, rotation in zip(
        particles.pdb_ids.tolist(), particles.centres, particles.rotations, strict=True
    ):
        corner, own = posed_map(structures[pdb_id], centre, rotation, Grid(10.0, 40.0))
        z, y, x = corner + 40
        total[z : z + len(own), y : y + len(own), x : x + len(own)] += own
    np.testing.assert_array_equal(specimen.density, total[40:100, 40:120, 40:130])
    assert len(specimen.background) == 0
    assert specimen.summary["ground"] == {}


def test_counts_and_sizes(specimen):
    background = specimen.background
    assert specimen.summary["ground"] == KINDS
    assert {kind: int((background.kinds == kind).sum()) for kind in KINDS} == KINDS
    assert ((background.centres >= 0) & (background.centres <= (60, 80, 90))).all()
    gold, vesicles = (
        background.sizes_angstrom[background.kinds == k] for k in ("fiducial", "vesicle")
    )
    assert ((gold >= 50) & (gold <= 200)).all()
    assert np.ptp(gold) > 10
    assert ((vesicles >= 240) & (vesicles <= 400)).all()


def test_labels_follow_particles(specimen, objects):
    count = len(specimen.particles)
    present = np.unique(specimen.labels)
    assert present.max() == count + len(specimen.background)
    for label, obstacle in enumerate(objects, start=count + 1):
        where = np.argwhere(specimen.labels == label)
        assert len(where) > 20
        centres, radius = obstacle.exclusion_spheres()
        distances, _ = cKDTree(centres).query(where)
        assert distances.max() < radius + 2.5  # the blur


def test_objects_and_particles_do_not_overlap(specimen, objects):
    all_spheres = [obstacle.bounding_spheres() for obstacle in objects]
    for i, (centres, radius) in enumerate(all_spheres):
        for others, other_radius in all_spheres[:i]:
            assert cKDTree(others).query(centres)[0].min() >= radius + other_radius
    places, radii = particle_spheres(specimen)
    for obstacle in objects:
        centres, radius = obstacle.exclusion_spheres()
        assert (cKDTree(centres).query(places)[0] >= radius + radii).all()


def test_objects_lie_between_outer_planes(objects):
    for obstacle in objects:
        centres, radius = obstacle.bounding_spheres()
        assert centres[:, 0].min() >= radius
        assert centres[:, 0].max() <= 60 - radius


def test_kinds_are_independent():
    size = {"x": 300, "y": 300, "z": 100}
    wide = changed(ON, tomogram_size_voxels=size, region_size_voxels=size)
    all_kinds = place_background(wide, None, GRID, generator(0, "wide"))[2:]
    few = place_background(changed(wide, vesicles=None), None, GRID, generator(0, "wide"))
    assert [obstacle.size_angstrom for obstacle in few] == [
        obstacle.size_angstrom for obstacle in all_kinds
    ]
    same = [np.array_equal(a.centre, b.centre) for a, b in zip(few, all_kinds, strict=True)]
    assert sum(same) >= 5


def test_no_room_for_objects(structures, monkeypatch):
    monkeypatch.setattr("ssn3d.specimen.background._ATTEMPTS", 20)
    for key, values in {
        "vesicles": {"count": 1, "radius_angstrom": 400.0},
        "fiducials": {"count": 1, "diameter_angstrom": 900.0},
        "filaments": {"actin": 400},
    }.items():
        one = {"fiducials": None, "vesicles": None, "filaments": None}
        asked = changed(changed(ON, **{key: values}), **{k: None for k in one if k != key})
        with pytest.raises(PlacementError, match=rf"specimen\.{key}: no room for one of \d+"):
            build_specimen(structures, asked, generator(0, "full"))
