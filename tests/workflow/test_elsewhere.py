"""One checkout, many experiments: results, and a user's own files, in another folder."""

import pytest

from small_workflow import REPOSITORY, fault_of_snakemake, snakemake

MINE = """
structures: {source: surrogate}
specimen: {particles: 1000000}  # more than fit
"""


@pytest.fixture
def elsewhere(tmp_path):
    """Give a folder with a user's file, and nothing of the repository's."""
    (tmp_path / "mine.yaml").write_text(MINE)
    return tmp_path


def names(folder):
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


@pytest.mark.slow
def test_defaults_come_from_the_repository_and_the_last_line_is_the_reason(elsewhere):
    """For real: structures of the repository's list, and a specimen that cannot be packed."""
    command = ["results/tomograms/t1/density.mrc", "--directory", elsewhere]
    command += ["--configfile", "config/cpu.yaml", elsewhere / "mine.yaml"]
    before = names(REPOSITORY)
    printed = fault_of_snakemake(*command)
    assert names(REPOSITORY) == before
    assert names(elsewhere) == ["logs", "mine.yaml", "results"]
    assert len(list((elsewhere / "results" / "structures").glob("*.npz"))) == 22
    last = printed.rstrip().splitlines()[-1]
    assert last.startswith("simulate_specimen (t1) failed: specimen.particles: ")


@pytest.mark.slow
def test_it_can_be_called_from_there(elsewhere):
    snakefile = REPOSITORY / "workflow/Snakefile"
    printed = snakemake(elsewhere, "-n", "-s", snakefile, "--configfile", "mine.yaml")
    assert "resources/pdb_ids.txt" in printed
    assert "train_network" in printed


@pytest.mark.slow
def test_paths_of_a_users_own_are_relative_to_the_folder(elsewhere):
    (elsewhere / "coordinates").mkdir()
    (elsewhere / "coordinates" / "1KP8.cif").touch()
    (elsewhere / "ids.txt").write_text("1KP8\n")
    (elsewhere / "mine.yaml").write_text(
        "structures: {ids: ids.txt, source: folder, folder: coordinates}\n"
        "figures: {complex_id: 1KP8, example_ids: [1KP8]}\n"
    )
    printed = snakemake(
        REPOSITORY, "-n", "--directory", elsewhere, "--configfile", elsewhere / "mine.yaml"
    )
    assert "ids.txt, coordinates/1KP8.cif" in printed


@pytest.mark.slow
def test_facts_of_structures_in_the_folder_are_read(elsewhere):
    """As `ssn3d init` lays them down; the list of downloaded entries is kept beside them."""
    (elsewhere / "resources").mkdir()
    facts = REPOSITORY / "resources" / "complexes.tsv"
    (elsewhere / "resources" / "complexes.tsv").write_text(facts.read_text())
    printed = snakemake(REPOSITORY, "-n", "--directory", elsewhere)
    assert ", resources/complexes.tsv" in printed
    assert f"{REPOSITORY.name}/resources/obsolete.tsv" in printed
