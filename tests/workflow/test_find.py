"""The target `find`: a simulated tomogram as the user's, searched for one of its structures."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
import starfile
import yaml
from scipy.special import expit

from small_workflow import REPOSITORY, fault_of_snakemake, snakemake
from ssn3d.core.cubes import lies_inside
from ssn3d.find.calibration import SCORES
from ssn3d.io.particles.simulated import read_particles

TABLE = "name\tfile\tvoxel_size_angstrom\ttilt_min_deg\ttilt_max_deg\nmine\tmine.mrc\t\t-60\t60\n"
PRESETS = [
    *(REPOSITORY / f"config/{name}.yaml" for name in ("varied", "find", "find_demo")),
    REPOSITORY / "tests/workflow/find.yaml",
]


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """Give a folder with a simulated tomogram, its table and a configuration."""
    folder = tmp_path_factory.mktemp("find")
    (folder / "ids.txt").write_text("1KP8\n2GLS\n3DY4\n")
    made = "results/tomograms/t1"
    without_search = (PRESETS[0], *PRESETS[2:])
    snakemake(REPOSITORY, f"{made}/A.mrc", "--directory", folder, "--configfile", *without_search)
    for name, file in {"mine.mrc": "A.mrc", "truth.star": "particles.star"}.items():
        (folder / made / file).rename(folder / name)
    shutil.rmtree(folder / "results")
    (folder / "tomograms.tsv").write_text(TABLE)
    find = {"tomograms": "tomograms.tsv", "targets": ["1kp8"], "false_discovery_rate": 0.3}
    (folder / "own.yaml").write_text(yaml.safe_dump({"find": find}))
    return folder


def options(folder):
    return "--directory", folder, "--configfile", *PRESETS, folder / "own.yaml"


@pytest.fixture(scope="module")
def searched(own):
    snakemake(REPOSITORY, "find", *options(own))
    return own / "results" / "find"


@pytest.mark.slow
def test_picks_have_calibrated_probabilities(searched):
    steps = json.loads((searched / "calibration.json").read_text())["1KP8"]
    assert steps["slopes"][0] > 0
    table = pd.read_csv(searched / "picks" / "mine" / "candidates.csv")
    assert set(table["target"]) <= {"1KP8"}
    fitted = expit(table[[*SCORES]] @ steps["slopes"] + steps["intercept"])
    assert (table["rival"] == 0).all()  # of one target
    np.testing.assert_allclose(table["probability"], fitted, atol=1e-4)
    kept = table[table["kept"]]
    assert kept.empty or (1 - kept["probability"]).mean() <= 0.3
    for name, columns in {
        "1KP8.star": "rlnCenteredCoordinate{}Angst",
        "1KP8_relion4.star": "rlnCoordinate{}",
    }.items():
        picks = starfile.read(searched / "picks" / "mine" / name, always_dict=True)
        picks = next(block for block in picks.values() if columns.format("X") in block)
        assert len(picks) == len(kept)
    ranked = starfile.read(searched / "picks" / "mine" / "1KP8_candidates.star")
    assert len(ranked) == len(table)


@pytest.mark.slow
def test_picks_are_right(searched, own):
    table = pd.read_csv(searched / "picks" / "mine" / "candidates.csv").query("kept")
    picks = table[[f"{axis}_voxels" for axis in "zyx"]].to_numpy()
    truth = read_particles(own / "truth.star")
    wanted = truth.centres[truth.pdb_ids == "1KP8"]
    assert len(picks) >= 0.5 * lies_inside(wanted, 1, (64, 112, 112)).sum() > 1
    distances = np.linalg.norm(picks[:, None] - wanted, axis=-1).min(axis=1)
    assert (distances < 6).mean() >= 0.6


@pytest.mark.slow
def test_simulation_is_like_the_tomogram(searched):
    simulation = json.loads((searched / "simulation.json").read_text())
    assert simulation["microscope"]["tilt"]["min_deg"] == [-63, -57]
    acquired = searched.parent / "tomograms/independent1/acquisition.json"
    written = json.loads(acquired.read_text())["provenance"]["settings"]["tilt"]
    assert written["min_deg"] == [-63, -57]
    copies = json.loads((searched.parent / "tomograms/independent1/specimen.json").read_text())
    assert copies["copies"]["1KP8"] > 0


@pytest.mark.slow
def test_expected_scores_are_reported(searched):
    expected = pd.read_csv(searched / "expected.csv")
    assert sorted(expected["false_discovery_rate"]) == [0.05, 0.1, 0.2, 0.3, 0.5]
    assert (expected["tomograms"] == 2).all()
    assert (expected["particles"] > 0).all()
    assert (np.diff(expected["recall"]) >= 0).all()
    report = (searched / "report.md").read_text()
    assert "| 1KP8 | 30% (default) |" in report
    assert "| mine | 1KP8 |" in report


@pytest.mark.slow
def test_annotated_tomogram_joins_the_calibration(searched, own):
    first, line, _ = TABLE.split("\n")
    (own / "annotated.tsv").write_text(f"{first}\tannotations\n{line}\ttruth.star\n")
    (own / "annotated.yaml").write_text("find: {tomograms: annotated.tsv}")
    table = searched / "expected.csv"
    before = pd.read_csv(table)
    wanted = ("results/find/expected.csv", *options(own), own / "annotated.yaml")
    snakemake(REPOSITORY, *wanted)
    after = pd.read_csv(table)
    assert (after["annotated"] == 1).all()
    assert (after["tomograms"] == 3).all()
    assert (after["particles"] > before["particles"]).all()
    snakemake(REPOSITORY, "find", *options(own))


@pytest.mark.slow
def test_search_runs_once(searched, own):
    assert searched.exists()
    assert "Nothing to be done" in snakemake(REPOSITORY, "-n", "find", *options(own))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("table", "find", "message"),
    [
        (TABLE, None, "config: find: null"),
        (TABLE.replace("mine\t", "independent1_A\t"), {}, "'independent1_A' is the name"),
        (TABLE.partition("\n")[0] + "\n", {}, "tomograms.tsv: no tomograms"),
    ],
)
def test_faults_are_one_line(own, tmp_path, table, find, message):
    for name in ("mine.mrc", "ids.txt"):
        (tmp_path / name).symlink_to(own / name)
    (tmp_path / "tomograms.tsv").write_text(table)
    content = yaml.safe_load((own / "own.yaml").read_text())["find"]
    (tmp_path / "own.yaml").write_text(yaml.safe_dump({"find": None if find is None else content}))
    assert message in fault_of_snakemake("find", *options(tmp_path))
