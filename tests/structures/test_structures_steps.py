"""From the configuration to the files of all structures and the records of their sources."""

import gzip
import hashlib
import shutil

import pytest
from synthetic_entries import cif_text, make_entry, pdb_text

from sections import changed, section
from ssn3d.core.errors import StructureError
from ssn3d.io.files import read_json
from ssn3d.structures.steps import prepare_structures
from ssn3d.structures.structure import read_structure

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
