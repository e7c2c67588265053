"""Files of structures; missing or ambiguous files are errors."""

import pytest

from ssn3d.core.errors import ConfigError, StructureError
from ssn3d.structures.ids import read_pdb_ids, read_superseded
from ssn3d.structures.sources import SourceFile, find_sources

INDEX = "file\tpdb_id\tserves_for\twhat\tnotes\n"


def touch(folder, *names):
    for name in names:
        (folder / name).touch()


def test_read_ids(tmp_path):
    path = tmp_path / "ids.txt"
    path.write_text("# all of them\n1abc  # in small letters\n\n  2XYZ\n")
    assert read_pdb_ids(path) == ["1ABC", "2XYZ"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("1ABC\n2XYZ\n1abc\n", "line 3: 1ABC repeats line 1; delete one"),
        ("1ABC\nABCD\n", "line 2: 'ABCD' is not a valid PDB ID"),
        ("1ABC 2XYZ\n", "line 1"),
        ("# none\n", "contains no PDB ID"),
        ("", "contains no PDB ID"),
    ],
)
def test_wrong_ids(tmp_path, content, expected):
    path = tmp_path / "ids.txt"
    path.write_text(content)
    with pytest.raises(ConfigError, match=f"{path}: .*{expected}"):
        read_pdb_ids(path)


def test_unreadable_ids(tmp_path):
    (tmp_path / "latin").write_bytes(b"\xff\xfe\x00")
    for name in ("latin", "none.txt"):
        with pytest.raises(ConfigError, match=f"{name}: no"):
            read_pdb_ids(tmp_path / name)


def test_paper_ids(repository):
    ids = read_pdb_ids(repository / "resources" / "pdb_ids.txt")
    assert len(ids) == 22
    assert read_superseded(repository / "resources" / "obsolete.tsv") == {"2AWB": "4V4Q"}


@pytest.mark.parametrize(
    "name",
    [
        "1ABC.cif",
        "1abc.pdb",
        "1Abc.ent",
        "pdb1abc.ent.gz",
        "1ABC.CIF.GZ",
        "1abc.pdb.gz",
        "PDB1ABC.ENT",
        "1abc.mmcif",
        "pdb_00001abc.cif.gz",
        "1abc_updated.cif",
    ],
)
def test_files_by_name(tmp_path, name):
    touch(tmp_path, name, "2XYZ.cif", "1ABCD.cif", "1abc.txt", "1ABC_model.pdb", "9999")
    found = find_sources(["1ABC"], "folder", tmp_path)
    assert found == {"1ABC": SourceFile("1ABC", "folder", tmp_path / name, "1ABC")}


def test_index_takes_precedence(tmp_path):
    touch(tmp_path, "1OEL.pdb.gz", "part.cif", "1KP8.cif", "1GYT.cif", "1gyt.pdb")
    rows = "1OEL.pdb.gz\t1OEL\t1KP8\tGroEL\tstand-in\npart.cif\t1GYT\t1GYT\thexamer\t\n"
    (tmp_path / "index.tsv").write_text(INDEX + rows)
    found = find_sources(["1GYT", "1KP8", "1OEL"], "folder", tmp_path)
    assert list(found) == ["1GYT", "1KP8", "1OEL"]
    served = tmp_path / "1OEL.pdb.gz"
    assert found["1KP8"] == SourceFile("1KP8", "folder", served, "1OEL", "stand-in")
    assert found["1OEL"] == SourceFile("1OEL", "folder", served, "1OEL")
    assert found["1GYT"] == SourceFile("1GYT", "folder", tmp_path / "part.cif", "1GYT")


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("gone.cif\t1ABC\t1ABC", "line 3: no file 'gone.cif'"),
        ("x.cif\t1ABC\tGroEL", "serves_for 'GroEL' must be PDB IDs"),
        ("x.cif\t1ABC", "serves_for ''"),
        ("x.cif\t2XYZ\t9XYZ", "second file for 9XYZ"),
    ],
)
def test_wrong_index(tmp_path, row, expected):
    touch(tmp_path, "x.cif")
    (tmp_path / "index.tsv").write_text(f"{INDEX}x.cif\t9XYZ\t9XYZ\n{row}\n")
    with pytest.raises(StructureError, match=f"{tmp_path}/index.tsv: .*{expected}"):
        find_sources(["1ABC"], "folder", tmp_path)


def test_two_files_for_one_id(tmp_path):
    touch(tmp_path, "1ABC.cif", "pdb1abc.ent.gz")
    with pytest.raises(
        StructureError, match=r"several files for 1ABC \(1ABC\.cif, pdb1abc\.ent\.gz"
    ):
        find_sources(["1ABC"], "folder", tmp_path)
    assert find_sources(["2XYZ"], "folder", tmp_path, allow_surrogates=True)


def test_missing_ids_are_named(tmp_path):
    touch(tmp_path, "2XYZ.cif")
    with pytest.raises(StructureError) as caught:
        find_sources(["1ABC", "2XYZ", "3DEF"], "folder", tmp_path)
    message = str(caught.value)
    assert "2 of 3 structures: 1ABC, 3DEF;" in message
    assert all(way in message for way in ("allow_surrogates", "archive", str(tmp_path)))


def test_files_named_alike_are_told(tmp_path, caplog):
    touch(tmp_path, "1abc-assembly1.cif.gz", "2XYZ.cif")
    told = "; there are 1abc-assembly1.cif.gz: list them in index.tsv (file, pdb_id, serves_for)"
    with pytest.raises(StructureError) as caught:
        find_sources(["1ABC", "2XYZ"], "folder", tmp_path)
    assert str(caught.value).endswith(told)
    find_sources(["1ABC", "2XYZ"], "folder", tmp_path, allow_surrogates=True)
    assert caplog.messages == [f"{tmp_path}: bead models serve for 1ABC{told}"]


def test_surrogates_if_allowed(tmp_path):
    touch(tmp_path, "2XYZ.cif")
    found = find_sources(["1ABC", "2XYZ"], "folder", tmp_path, allow_surrogates=True)
    assert [found[i].source for i in ("1ABC", "2XYZ")] == ["surrogate", "folder"]
    assert (found["1ABC"].path, found["1ABC"].served_by) == (None, None)
    every = find_sources(["1ABC", "2XYZ"], "surrogate", tmp_path / "none")
    assert {source.source for source in every.values()} == {"surrogate"}


def test_archive_ignores_index(tmp_path):
    touch(tmp_path, "2AWB.cif.gz", "1ABC.cif.gz", "other.cif.gz")
    (tmp_path / "index.tsv").write_text(INDEX + "other.cif.gz\t9XYZ\t1ABC\t\t\n")
    found = find_sources(["1ABC", "2AWB"], "archive", tmp_path, superseded={"2AWB": "4V4Q"})
    assert found["1ABC"] == SourceFile("1ABC", "archive", tmp_path / "1ABC.cif.gz", "1ABC")
    assert found["2AWB"].note == "obsolete entry, superseded by 4V4Q"


def test_missing_folder(tmp_path):
    with pytest.raises(StructureError, match="no such folder"):
        find_sources(["1ABC"], "folder", tmp_path / "none", allow_surrogates=True)
