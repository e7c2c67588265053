"""The target `recover`: simulated tomograms against their truth, and a sheet of one's own."""

import os
import re
import shutil

import pandas as pd
import pytest
import starfile
import yaml

from own_tomograms import dark_spheres, write_tomogram
from small_workflow import REPOSITORY, fault_of_snakemake, snakemake

FILES = ("--configfile", "small.yaml", "recover.yaml")
SHEET = "name\tfile\tvoxel_size_angstrom\ttilt_min_deg\ttilt_max_deg\n"


@pytest.fixture(scope="module")
def recovered(finished, tmp_path_factory):
    """Recover the particles of one tomogram of the small experiment, beside its results."""
    folder = tmp_path_factory.mktemp("recovered") / "small"
    shutil.copytree(finished, folder, copy_function=os.link)
    shutil.copy(REPOSITORY / "tests" / "workflow" / "recover.yaml", folder)
    snakemake(folder, "recover", *FILES)
    return folder


@pytest.mark.slow
def test_simulated_tomograms_are_scored(recovered):
    table = pd.read_csv(recovered / "results" / "tables" / "recovery.csv").set_index("group")
    assert set(table["dataset"]) == {"high"}
    every = table.loc["all"]
    assert every["f1"] > 0.8
    assert every["mean_error_angstrom"] < 40
    assert 0 < every["target_iou"] < 100
    classes = table.loc[["1KP8", "2GLS", "1W6T"]]
    assert classes["particles"].sum() == every["particles"]
    assert classes["found"].sum() == every["found"]
    assert "| high | 0.2 |" in (recovered / "results" / "tables" / "recovery.md").read_text()


@pytest.mark.slow
def test_the_average_is_of_one_structure(recovered):
    folder = recovered / "results" / "recovery"
    matches = pd.read_csv(folder / "independent1_high" / "independent1_high_matches.csv")
    wanted = set(matches["pick"][(matches["pdb_id"] == "1KP8") & (matches["pick"] > 0)])
    averaged = pd.read_csv(folder / "averages" / "high" / "particles.csv")
    assert len(averaged) >= 4
    assert set(averaged["row"]) <= wanted
    aligned = starfile.read(folder / "averages" / "high" / "particles.star")
    assert set(aligned["rlnTomoName"]) == {"independent1_high"}
    assert {"resolution_angstrom", "half_maps", "truth", "shared"} == set(
        pd.read_csv(folder / "averages" / "high" / "fsc.csv")
    )


@pytest.mark.slow
def test_nothing_runs_again(recovered):
    assert "Nothing to be done" in snakemake(recovered, "-n", "recover", *FILES)


@pytest.mark.slow
def test_the_report_has_its_pages(recovered):
    snakemake(recovered, "recover", *FILES, "--report", "recovery.html")
    page = (recovered / "recovery.html").read_text()
    assert "system-message" not in page  # a fault of a caption, or a link that leads nowhere
    for name in ("tables/recovery.html", "figures/recall.png", "figures/average_high.png"):
        assert f"results/{name}" in page
    assert "Picks: independent1_high" in page


@pytest.fixture
def own(tmp_path):
    """Give a folder with a sheet of two tomograms and a configuration, elsewhere."""
    (tmp_path / "data").mkdir()
    for name in ("a", "b"):
        volume = dark_spheres((48, 64, 64), [[24, 30, 30]], 6)
        write_tomogram(tmp_path / "data" / f"{name}.mrc", volume)
    lines = "first\ta.mrc\t\t-60\t60\nsecond\tb.mrc\t10\t-50\t60\n"
    (tmp_path / "data" / "tomograms.tsv").write_text(SHEET + lines)
    recovery = {"sheet": "data/tomograms.tsv", "picking": {"method": "dog"}}
    (tmp_path / "own.yaml").write_text(yaml.safe_dump({"recovery": recovery}))
    return tmp_path


@pytest.mark.slow
def test_each_tomogram_of_a_sheet_is_picked_and_segmented_and_all_are_averaged(own):
    arguments = ("--directory", own, "--configfile", own / "own.yaml")
    printed = snakemake(REPOSITORY, "-n", "recover", *arguments)
    table = re.search(r"job +count\n-+ +-+\n(.*?)\ntotal", printed, re.DOTALL)[1]
    assert dict(line.split() for line in table.splitlines()) == {
        **dict.fromkeys(("pick_particles", "segment_picks", "draw_picks"), "2"),
        **dict.fromkeys(("average_picks", "draw_average", "recover"), "1"),
    }
    assert "input: data/a.mrc, data/b.mrc" in printed


@pytest.mark.slow
def test_both_methods_of_picking_need_the_segmentation(own):
    settings = (own / "own.yaml").read_text().replace("method: dog", "method: both")
    (own / "own.yaml").write_text(settings)
    arguments = ("--directory", own, "--configfile", own / "own.yaml")
    printed = snakemake(REPOSITORY, "-n", "recover", *arguments)
    assert re.search(r"segment_tomogram +2", printed)
    assert "input: data/a.mrc, results/recovery/first/first_probability.mrc" in printed


@pytest.mark.slow
def test_a_fault_of_the_sheet_is_one_line(own):
    (own / "data" / "tomograms.tsv").write_text(f"{SHEET}first\ta.mrc\t\t-60\tx\n")
    options = ("--directory", own, "--configfile", own / "own.yaml")
    printed = fault_of_snakemake("-n", "recover", *options)
    assert "tomograms.tsv: line 2, tilt_max_deg: 'x' is not a number" in printed
