"""Bead models have the mass, radius, symmetry and density of their complexes."""

from pathlib import Path

import numpy as np
import pytest
from beads import assert_symmetric, connected_density
from scipy.spatial import KDTree
from scipy.spatial.transform import Rotation
from synthetic_entries import read_entry

from ssn3d.core.errors import ConfigError, StructureError
from ssn3d.structures import maps
from ssn3d.structures.bounding import bounding_sphere
from ssn3d.structures.complexes import Complex, read_complexes
from ssn3d.structures.ids import read_pdb_ids
from ssn3d.structures.surrogates import surrogate

COMPLEXES = read_complexes(Path(__file__).parents[2] / "resources" / "complexes.tsv")
SIGMA_NM = 1.155  # a resolution of 4 nm


@pytest.fixture(scope="module")
def surrogates():
    return {pdb_id: surrogate(pdb_id, COMPLEXES) for pdb_id in COMPLEXES}


def density_map(structure):
    """Map in dalton/nm^3 with voxels of 1 nm and a resolution of 4 nm."""
    return maps.density_map(structure.points_angstrom, structure.masses_dalton, 10.0, 40.0)


@pytest.fixture(scope="module")
def density_maps(surrogates):
    return {pdb_id: density_map(structure) for pdb_id, structure in surrogates.items()}


def sum_of_gaussians(structure, size):
    """The same map, from one Gaussian per point."""
    voxels = np.arange(size, dtype=np.float32) - size // 2
    apart = voxels[:, None, None] - structure.points_angstrom / 10  # (voxel, point, axis)
    z, y, x = np.moveaxis(np.exp(-((apart / SIGMA_NM) ** 2) / 2), 2, 0)
    planes = (z * structure.masses_dalton)[:, None] * y
    return planes @ x.T / (np.sqrt(2 * np.pi) * SIGMA_NM) ** 3


def bounding_radius_nm(density):
    return bounding_sphere(density, 0.2)[1]


@pytest.mark.parametrize("pdb_id", ["1A1S", "1F1B"])
def test_map_is_sum_of_gaussians(surrogates, density_maps, pdb_id):
    drawn = density_maps[pdb_id]
    expected = sum_of_gaussians(surrogates[pdb_id], len(drawn))
    np.testing.assert_allclose(drawn, expected, atol=0.02 * expected.max())
    assert bounding_radius_nm(expected) == pytest.approx(bounding_radius_nm(drawn), rel=0.03)


@pytest.mark.parametrize("pdb_id", COMPLEXES)
def test_radius_and_maximum_of_map(density_maps, pdb_id):
    published_nm = COMPLEXES[pdb_id].radius_angstrom / 10
    assert bounding_radius_nm(density_maps[pdb_id]) == pytest.approx(published_nm, rel=0.012)
    assert 250 < density_maps[pdb_id].max() < 850  # real ones: 284 to 721


@pytest.mark.parametrize("pdb_id", COMPLEXES)
def test_point_group_is_exact(surrogates, pdb_id):
    group = Rotation.create_group(COMPLEXES[pdb_id].point_group, axis="Z")
    assert_symmetric(surrogates[pdb_id], group.as_matrix()[:, ::-1, ::-1])


@pytest.mark.parametrize("pdb_id", COMPLEXES)
def test_mass_and_density(surrogates, pdb_id):
    structure = surrogates[pdb_id]
    assert structure.unit == "surrogate"
    assert structure.mass_dalton == pytest.approx(COMPLEXES[pdb_id].mass_dalton, rel=1e-6)
    assert structure.masses_dalton[0] == pytest.approx(110, rel=0.02)
    assert (
        0.55 < connected_density(structure) < 1.0
    )  # 0.83 dalton/A^3 where a bead has all its neighbours


@pytest.mark.parametrize("pdb_id", ["1BXR", "1EQR", "2GLS", "2GHO", "1W6T"])
def test_map_matches_real_structure(density_maps, real_structures, pdb_id):
    real = density_map(read_entry(next(real_structures.glob(f"{pdb_id}.*")), pdb_id))
    model = density_maps[pdb_id]
    assert 0.75 < model.max() / real.max() < 1.35
    assert 0.8 < (model > 150).sum() / (real > 150).sum() < 1.25


def test_shapes_differ(surrogates):
    """Radial mass profiles, scaled to the same size, differ between any two."""
    profiles = []
    for structure in surrogates.values():
        radii = np.linalg.norm(structure.points_angstrom, axis=1)
        profiles.append(np.quantile(radii / radii.max(), np.linspace(0, 1, 41)))
    apart = KDTree(profiles).query(profiles, k=2)[0][:, 1]
    assert apart.min() > 0.02


def test_shape_is_seeded_by_id():
    first, again = surrogate("2GHO", COMPLEXES), surrogate("2GHO", dict(COMPLEXES))
    np.testing.assert_array_equal(first.points_angstrom, again.points_angstrom)
    renamed = {"1XXX": COMPLEXES["2GHO"]}
    other = surrogate("1XXX", renamed)
    assert not np.array_equal(first.points_angstrom, other.points_angstrom)


def test_reference_shape(surrogates):
    """Change these values only with a release that says so."""
    points = surrogates["1KP8"].points_angstrom
    np.testing.assert_allclose(points[0], [-58.761, 20.101, -41.123], atol=2e-3)
    assert np.abs(points).sum(dtype=np.float64) == pytest.approx(726534, abs=1)


@pytest.mark.parametrize("point_group", ["T", "O", "I", "C1", "C3", "D4"])
def test_any_point_group(point_group):
    structure = surrogate("1ABC", {"1ABC": Complex(480e3, 80.0, point_group)})
    assert bounding_radius_nm(density_map(structure)) == pytest.approx(8, rel=0.03)


def test_paper_ids_have_surrogates(repository):
    assert set(read_pdb_ids(repository / "resources" / "pdb_ids.txt")) <= COMPLEXES.keys()


def test_unknown_id():
    with pytest.raises(StructureError, match="9XYZ: no surrogate: the table"):
        surrogate("9XYZ", COMPLEXES)


@pytest.mark.parametrize("radius_angstrom", [30.0, 50.0, 2000.0])
def test_mass_contradicts_radius(radius_angstrom):
    with pytest.raises(StructureError, match=r"1ABC: no body of 400000 Da .*; correct"):
        surrogate("1ABC", {"1ABC": Complex(400e3, radius_angstrom, "C1")})


@pytest.mark.parametrize(
    "row",
    ["1ABC\t0\t5\tC1", "1ABC\t10\tnan\tC1", "1ABC\t10\t5\tQ7", "1ABC\t10\t5", "1ABC\tten\t5\tC1"],
)
def test_damaged_table(tmp_path, row):
    path = tmp_path / "complexes.tsv"
    path.write_text(f"pdb_id\tmass_kda\tradius_nm\tpoint_group\n{row}\n")
    with pytest.raises(ConfigError, match=r"complexes\.tsv: line 2"):
        read_complexes(path)
