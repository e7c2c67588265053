"""From structures to the files of one tomogram's specimen."""

import numpy as np
import pytest
import starfile

from sections import section
from ssn3d.core.errors import PlacementError
from ssn3d.core.seeds import generator
from ssn3d.io.files import read_json
from ssn3d.io.mrc import read_mrc
from ssn3d.io.particles.simulated import read_particles
from ssn3d.io.volumes import open_volume
from ssn3d.picking.score_files import INSTANCES_TITLE
from ssn3d.specimen.build import build_specimen
from ssn3d.specimen.steps import simulate_specimen
from ssn3d.structures.structure import read_structure, structure_from_points, write_structure

SETTINGS = section(
    "specimen",
    tomogram_size_voxels={"x": 40, "y": 32, "z": 24},
    region_size_voxels={"x": 44, "y": 36, "z": 28},
    particles=7,
    fiducials={"count": 2, "diameter_angstrom": 50.0},
)
NAMES = {
    "density": "d.mrc",
    "labels": "l.mrc",
    "particles": "p.star",
    "ground": "g.star",
    "summary": "s.json",
}


@pytest.fixture(scope="module")
def structures(molecule, tmp_path_factory):
    """Files of two structures."""
    folder = tmp_path_factory.mktemp("structures")
    paths = {"1AAA": folder / "1AAA.npz", "2BBB": folder / "2BBB.npz"}
    for scale, (pdb_id, path) in zip((0.5, 0.3), paths.items(), strict=True):
        points = molecule[0].astype(float) * scale
        write_structure(path, structure_from_points(pdb_id, points, molecule[1], "deposited"))
    return paths


@pytest.fixture(scope="module")
def written(structures, tmp_path_factory):
    folder = tmp_path_factory.mktemp("specimen")
    paths = {what: folder / name for what, name in NAMES.items()}
    simulate_specimen(structures, SETTINGS, 3, "t2", **paths)
    return paths


def test_specimen_without_room_is_drawn_anew(structures, tmp_path, monkeypatch):
    drawn = []

    def crowded(points, settings, rng):
        drawn.append(rng.random())
        if len(drawn) < 3:
            raise PlacementError("no room")
        return build_specimen(points, settings, rng)

    monkeypatch.setattr("ssn3d.specimen.steps.build_specimen", crowded)
    paths = {what: tmp_path / name for what, name in NAMES.items()}
    with pytest.raises(PlacementError, match="no room"):
        simulate_specimen(structures, SETTINGS, 3, "t2", **paths, attempts=2)
    assert not any(path.exists() for path in paths.values())
    simulate_specimen(structures, SETTINGS, 3, "t2", **paths, attempts=2)
    assert drawn[0] == drawn[2] != drawn[1]


def test_files_hold_the_specimen(structures, written):
    points = {
        pdb_id: (read_structure(path).points_angstrom, read_structure(path).masses_dalton)
        for pdb_id, path in structures.items()
    }
    expected = build_specimen(points, SETTINGS, generator(3, "specimen", "t2"))
    density, voxel_size = read_mrc(written["density"], (24, 32, 40))
    np.testing.assert_array_equal(density, expected.density)
    assert voxel_size == 10.0
    labels, voxel_size = read_mrc(written["labels"])
    np.testing.assert_array_equal(labels, expected.labels)
    assert (labels.dtype, voxel_size) == (np.uint16, 10.0)
    assert INSTANCES_TITLE in open_volume(written["labels"]).labels
    particles = read_particles(written["particles"])
    assert particles.pdb_ids.tolist() == expected.particles.pdb_ids.tolist()
    np.testing.assert_allclose(particles.centres, expected.particles.centres, atol=1e-4)
    np.testing.assert_allclose(particles.rotations, expected.particles.rotations, atol=1e-5)
    ground = starfile.read(written["ground"])
    assert ground["ssn3dLabel"].tolist() == [len(particles) + 1, len(particles) + 2]
    assert labels.max() == len(particles) + 2
    assert ground["ssn3dKind"].tolist() == ["fiducial"] * 2
    centres = ground[[f"rlnCoordinate{axis}" for axis in "ZYX"]].to_numpy()
    np.testing.assert_allclose(centres, expected.background.centres, atol=1e-4)
    np.testing.assert_allclose(ground["ssn3dSizeAngstrom"], 50)


def test_summary(written):
    summary = read_json(written["summary"])
    assert summary["particles_in_region"] == 7
    assert summary["provenance"]["seed"] == 3
    assert summary["provenance"]["settings"]["region_size_voxels"]["z"] == 28
    assert summary["bounding_radius_voxels"].keys() == {"1AAA", "2BBB"}
    assert all(len(centre) == 3 for centre in summary["bounding_centre_voxels"].values())
    labels, _ = read_mrc(written["labels"])
    labelled = summary["labelled_fraction_of_tomogram"]
    assert labelled == pytest.approx((labels > 0).mean())
    radii = np.array(list(summary["bounding_radius_voxels"].values()))
    most = max(4 * radii[0] ** 3 + 3 * radii[1] ** 3, 3 * radii[0] ** 3 + 4 * radii[1] ** 3)
    box = 28 * 36 * 44
    assert 0.8 * most < summary["sphere_fraction_of_region"] * box / (4 / 3 * np.pi) <= most + 1e-6
    assert 0 < summary["seconds"] < 600
