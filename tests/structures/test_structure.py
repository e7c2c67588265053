"""Structures are read as they were written, or refused; files and records of all of them."""

import gzip
import hashlib
import shutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from synthetic_entries import cif_text, make_entry, pdb_text

from sections import changed, section
from ssn3d.core.errors import StructureError
from ssn3d.io.files import read_json, sha256_of
from ssn3d.structures.steps import prepare_structures
from ssn3d.structures.structure import (
    Structure,
    read_structure,
    structure_from_points,
    write_structure,
)

POINTS = np.array([[0, 0, 30], [0, 0, -30], [10, 5, 0], [-10, -5, 0]], dtype=np.float32)
MASSES = np.full(4, 110, dtype=np.float32)


@pytest.fixture(name="structure")
def give_structure():
    return Structure("1ABC", POINTS, MASSES, "deposited")


def test_round_trip(tmp_path, structure):
    write_structure(tmp_path / "1ABC.npz", structure)
    again = read_structure(tmp_path / "1ABC.npz")
    assert (again.pdb_id, again.unit) == ("1ABC", "deposited")
    np.testing.assert_array_equal(again.points_angstrom, POINTS)
    np.testing.assert_array_equal(again.masses_dalton, MASSES)
    assert again.mass_dalton == 440


def test_same_structure_same_bytes(tmp_path, structure):
    for name in ("one.npz", "two.npz"):
        write_structure(tmp_path / name, structure)
    assert sha256_of(tmp_path / "one.npz") == sha256_of(tmp_path / "two.npz")


@given(
    points=hnp.arrays(np.float64, (5, 3), elements=st.floats(-1000, 1000)),
    masses=hnp.arrays(np.float64, 5, elements=st.floats(1, 1000)),
)
@settings(max_examples=50)
def test_centred_on_centre_of_mass(points, masses):
    points[0], points[1] = points[1] + 50, points[1]  # some extent
    structure = structure_from_points("1ABC", points, masses, "deposited")
    np.testing.assert_allclose(
        structure.points_angstrom[1:] - structure.points_angstrom[0],
        points[1:] - points[0],
        atol=1e-3,
    )


BAD = {
    "NaN": ({"points_angstrom": POINTS * np.float32("nan")}, "NaN or infinite"),
    "far off": ({"points_angstrom": POINTS * np.float32(1e4)}, "absurd"),
    "one point": ({"points_angstrom": POINTS * np.float32(0)}, "in one place"),
    "off centre": ({"points_angstrom": POINTS + np.float32(1)}, "centre of mass"),
    "no mass": ({"masses_dalton": MASSES * np.float32(0)}, "positive"),
    "other length": ({"masses_dalton": MASSES[1:]}, "shape"),
    "two columns": ({"points_angstrom": POINTS[:, 1:]}, "shape"),
    "empty": ({"points_angstrom": POINTS[:0], "masses_dalton": MASSES[:0]}, "in one place"),
    "float64": ({"points_angstrom": POINTS.astype(np.float64)}, "float32"),
}


@pytest.mark.parametrize("name", BAD)
def test_wrong_numbers_are_refused(tmp_path, name):
    change, expected = BAD[name]
    arrays = {"points_angstrom": POINTS, "masses_dalton": MASSES, "pdb_id": "1ABC", "unit": "u"}
    np.savez(tmp_path / "bad.npz", **(arrays | change))
    with pytest.raises(StructureError, match=rf"bad\.npz: .*{expected}"):
        read_structure(tmp_path / "bad.npz")


KEYS = "pdb_id source file served_by sha256 unit mass_dalton points note"


@pytest.fixture(name="settings")
def give_settings(tmp_path):
    """Return the settings of config.yaml, with a user's folder."""
    (tmp_path / "mine").mkdir()
    return section("structures", source="folder", folder=str(tmp_path / "mine"))


@pytest.fixture(name="prepare")
def give_prepare(repository, tmp_path):
    resources = tmp_path / "resources"
    resources.mkdir()
    for name in ("complexes.tsv", "obsolete.tsv"):
        shutil.copy(repository / "resources" / name, resources)

    def prepare(ids, settings):
        folder = tmp_path / "results"
        prepare_structures(ids, settings, 1, resources, folder)
        return {
            i: (read_structure(folder / f"{i}.npz"), read_json(folder / f"{i}.json")) for i in ids
        }

    return prepare


def test_file_and_stand_in_and_surrogate(prepare, settings, tmp_path):
    text = cif_text(make_entry(entry_id="1BXR"))
    (tmp_path / "mine" / "1bxr.cif.gz").write_bytes(gzip.compress(text.encode()))
    (tmp_path / "mine" / "groel.pdb").write_text(pdb_text(make_entry(entry_id="1OEL")))
    index = "file\tpdb_id\tserves_for\tnotes\ngroel.pdb\t1OEL\t1KP8\tthe same protein\n"
    (tmp_path / "mine" / "index.tsv").write_text(index)

    made = prepare(["1BXR", "1KP8", "1YG6"], changed(settings, allow_surrogates=True))

    for pdb_id, (structure, record) in made.items():
        assert list(record) == KEYS.split(" ")
        assert (structure.pdb_id, record["pdb_id"]) == (pdb_id, pdb_id)
        assert record["mass_dalton"] == pytest.approx(structure.mass_dalton)
        assert record["points"] == len(structure.points_angstrom)
        assert record["unit"] == structure.unit
    exact, stand_in, surrogate = (record for _, record in made.values())
    assert (exact["source"], exact["file"], exact["served_by"]) == ("folder", "1bxr.cif.gz", "1BXR")
    assert exact["sha256"] == hashlib.sha256(text.encode()).hexdigest()
    assert (stand_in["served_by"], stand_in["note"]) == ("1OEL", "the same protein")
    assert (surrogate["source"], surrogate["unit"]) == ("surrogate", "surrogate")
    assert (surrogate["file"], surrogate["served_by"], surrogate["sha256"]) == (None, None, None)


def test_surrogates_only_where_allowed(prepare, settings, tmp_path):
    (tmp_path / "mine" / "1YG6.pdb").write_text(pdb_text(make_entry(entry_id="1YG6")))
    with pytest.raises(StructureError, match="2 of 3 structures: 1BXR, 1KP8;"):
        prepare(["1BXR", "1KP8", "1YG6"], settings)
    assert not (tmp_path / "results").exists()


def test_archive_in_cache(prepare, settings, tmp_path, monkeypatch):
    monkeypatch.setenv("SSN3D_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "cache" / "structures"
    folder.mkdir(parents=True)
    for pdb_id in ("1BXR", "2AWB"):
        text = cif_text(make_entry(entry_id=pdb_id)).encode()
        (folder / f"{pdb_id}.cif.gz").write_bytes(gzip.compress(text))
    made = prepare(["1BXR", "2AWB"], changed(settings, source="archive", folder=None))
    assert {record["source"] for _, record in made.values()} == {"archive"}
    assert made["2AWB"][1]["note"] == "obsolete entry, superseded by 4V4Q"
    assert (tmp_path / "resources" / "archive.lock.tsv").exists()


def test_wrong_entry_is_refused(prepare, settings, tmp_path):
    (tmp_path / "mine" / "1BXR.cif").write_text(cif_text(make_entry(entry_id="9XYZ")))
    with pytest.raises(StructureError, match=r"1BXR\.cif: contains entry 9XYZ, not 1BXR"):
        prepare(["1BXR"], settings)


def test_biological_assembly_for_some(prepare, settings, real_structures):
    ours = changed(settings, folder=str(real_structures), biological_ids=["1KP8"])
    made = prepare(["1KP8", "2AWB", "1W6T"], ours)
    groel, ribosome, enolase = (record for _, record in made.values())
    assert (groel["unit"], groel["served_by"]) == ("biological", "1OEL")
    assert groel["mass_dalton"] == pytest.approx(799.5e3, rel=1e-3)  # 14 chains
    assert (ribosome["unit"], ribosome["served_by"]) == ("deposited", "4V5D")
    assert enolase["mass_dalton"] == pytest.approx(97.2e3, rel=1e-3)  # 2 of its 8 chains
