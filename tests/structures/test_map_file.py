"""A map stands for a structure, with its mass, centre and shape; a faulty one is an error."""

import mrcfile
import numpy as np
import pytest

from sections import changed, section
from ssn3d.core.errors import StructureError
from ssn3d.io.files import read_json, sha256_of
from ssn3d.io.mrc import write_mrc
from ssn3d.structures.map_file import map_files, map_structure
from ssn3d.structures.maps import density_map
from ssn3d.structures.settings import MapSettings
from ssn3d.structures.steps import prepare_structures
from ssn3d.structures.structure import read_structure

VOXEL, RESOLUTION = 3.0, 12.0


@pytest.fixture(scope="module")
def density(molecule):
    """The molecule's own map, fine, in arbitrary units."""
    return density_map(*molecule, VOXEL, RESOLUTION) * np.float32(1e-3)


@pytest.fixture(name="row")
def give_row(density, tmp_path):
    """Settings for the map, in a file, with the mass of the molecule."""
    write_mrc(tmp_path / "emd.mrc", density, VOXEL)
    return MapSettings(
        id="1AAA", file=str(tmp_path / "emd.mrc"), threshold=0.02, mass_dalton=80_000.0
    )


def test_map_structure_matches_molecule(row, molecule):
    structure = map_structure(row)
    assert (structure.pdb_id, structure.unit) == ("1AAA", "map")
    assert structure.mass_dalton == pytest.approx(80_000)
    points, masses = molecule
    scaled = masses * np.float32(80_000 / masses.sum())
    expected = density_map(points, scaled, 10.0, 40.0, 40)
    made = density_map(structure.points_angstrom, structure.masses_dalton, 10.0, 40.0, 40)
    assert np.corrcoef(made.ravel(), expected.ravel())[0, 1] > 0.995
    assert made.max() == pytest.approx(expected.max(), rel=0.1)


def test_blocks_keep_mass_and_centre(row, density, tmp_path):
    coarse = map_structure(row)
    above = np.where(density >= row.threshold, density, 0)
    assert len(coarse.masses_dalton) == np.count_nonzero(above)  # 4 A are one voxel of 3 A
    repeated = density.repeat(2, 0).repeat(2, 1).repeat(2, 2)
    write_mrc(tmp_path / "fine.mrc", repeated, VOXEL / 2)
    fine = map_structure(changed(row, file=str(tmp_path / "fine.mrc")))
    assert len(fine.masses_dalton) == len(coarse.masses_dalton)
    np.testing.assert_allclose(fine.points_angstrom, coarse.points_angstrom, atol=1e-3)
    np.testing.assert_allclose(fine.masses_dalton, coarse.masses_dalton, rtol=1e-4)


def test_map_mass_defaults_to_protein(row, density):
    structure = map_structure(changed(row, mass_dalton=None))
    volume = np.count_nonzero(density >= row.threshold) * VOXEL**3
    assert structure.mass_dalton == pytest.approx(volume / 1.21, rel=1e-5)


def test_map_threshold_errors(row, density, tmp_path):
    with pytest.raises(StructureError, match=r"emd\.mrc: no voxel reaches the threshold 9, .* low"):
        map_structure(changed(row, threshold=9.0))
    write_mrc(tmp_path / "dark.mrc", density.max() - density, VOXEL)
    with pytest.raises(StructureError, match=r"dark\.mrc: \d+% of the voxels reach .*invert"):
        map_structure(changed(row, file=str(tmp_path / "dark.mrc")))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda mrc: setattr(mrc, "voxel_size", (3.0, 3.0, 4.0)), "must be cubes of at most 20"),
        (lambda mrc: setattr(mrc, "voxel_size", 30.0), "must be cubes of at most 20"),
        (lambda mrc: mrc.header.__setattr__("mapc", 3), "not 1, 2 and 3 in some order; name"),
        (lambda mrc: mrc.data.__setitem__((0, 0, 0), np.nan), "NaN or infinity; name another"),
    ],
)
def test_unusual_and_damaged_maps(row, density, tmp_path, change, message):
    with mrcfile.new(tmp_path / "odd.mrc") as mrc:
        mrc.set_data(density.copy())
        mrc.voxel_size = VOXEL
        change(mrc)
    with pytest.raises(StructureError, match=message) as caught:
        map_structure(changed(row, file=str(tmp_path / "odd.mrc")))
    assert "odd.mrc" in str(caught.value)


def test_missing_and_invalid_maps(row, tmp_path):
    (tmp_path / "text.mrc").write_text("not a map")
    with pytest.raises(
        StructureError, match=r"text\.mrc: 9 bytes, shorter than a header; name another"
    ):
        map_structure(changed(row, file=str(tmp_path / "text.mrc")))
    settings = section("structures", maps=[{**row.model_dump(), "file": "none.mrc"}])
    with pytest.raises(StructureError, match=r"none\.mrc: no such file; correct structures\.maps"):
        map_files(settings)


def test_maps_replace_coordinates(row, repository, tmp_path):
    """No coordinate file is needed; the record has the map's name and digest."""
    settings = section("structures", source="folder", folder=str(tmp_path), maps=[row.model_dump()])
    assert settings.from_coordinates(["1AAA", "1KP8"]) == ["1KP8"]
    assert map_files(settings) == [row.file]
    prepare_structures(["1AAA"], settings, 1, repository / "resources", tmp_path / "made")
    structure = read_structure(tmp_path / "made" / "1AAA.npz")
    np.testing.assert_array_equal(structure.points_angstrom, map_structure(row).points_angstrom)
    record = read_json(tmp_path / "made" / "1AAA.json")
    assert (record["source"], record["file"], record["unit"]) == ("map", "emd.mrc", "map")
    assert record["sha256"] == sha256_of(row.file)
    assert record["note"] == "a map, from 0.02 upwards"
