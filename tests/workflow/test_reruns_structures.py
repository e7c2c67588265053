"""Structures are prepared again when a fact about them changed, and not for a time-out."""

import pytest
import yaml

from small_workflow import copy_repository, snakemake

ATOM = "ATOM  {i:>5}  CA  GLY A{i:>4}    {x:8.3f}   0.000   0.000  1.00  0.00           C"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """Prepare one structure of a folder, which stands in by its index, and two surrogates."""
    folder = tmp_path_factory.mktemp("structures")
    copy_repository(folder)
    (folder / "mine").mkdir()
    atoms = [ATOM.format(i=i, x=4 * i) for i in range(1, 20)]
    (folder / "mine" / "groel.pdb").write_text("\n".join([*atoms, "END"]))
    row = "groel.pdb\t1OEL\t1KP8\tthe same protein"
    (folder / "mine" / "index.tsv").write_text(f"file\tpdb_id\tserves_for\tnotes\n{row}\n")
    settings = {"source": "folder", "folder": "mine", "allow_surrogates": True}
    (folder / "mine.yaml").write_text(yaml.safe_dump({"structures": settings}))
    run(folder, "--until", "prepare_structures")
    return folder


def run(folder, *arguments, config=("small.yaml", "mine.yaml")):
    return snakemake(folder, *arguments, "--configfile", *config)


def is_planned(folder, **settings):
    """Whether structures are prepared again, with changed settings."""
    (folder / "change.yaml").write_text(yaml.safe_dump({"structures": settings}))
    printed = run(folder, "-n", config=["small.yaml", "mine.yaml", "change.yaml"])
    return "rule prepare_structures" in printed


@pytest.mark.slow
def test_neither_new_dates_nor_how_the_archive_is_asked_change_a_structure(prepared):
    for fact in ("resources/complexes.tsv", "resources/obsolete.tsv", "mine/index.tsv"):
        (prepared / fact).touch()
    archive = {"timeout_s": 5, "retries": 1, "urls": ["https://mirror.org/{id}.cif.gz"]}
    assert not is_planned(prepared, archive=archive)
    assert is_planned(prepared, unit="biological")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fact", "before", "after"),
    [
        ("resources/complexes.tsv", "\t624\t", "\t625\t"),
        ("resources/obsolete.tsv", "4V4Q", "7K00"),
        ("mine/index.tsv", "the same protein", "another protein"),
    ],
)
def test_a_changed_fact_prepares_structures_again(prepared, fact, before, after):
    path = prepared / fact
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))
    planned = is_planned(prepared)
    path.write_text(text)
    assert planned
