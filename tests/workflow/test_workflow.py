"""Snakemake itself: from a configuration to the tables, and what re-runs after a change."""

import os
import re
import subprocess
import sys
from collections import Counter
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from small_workflow import copy_repository, snakemake
from ssn3d.core.cubes import lies_inside
from ssn3d.io.files import read_json
from ssn3d.io.mrc import read_mrc
from ssn3d.io.particles.simulated import read_particles
from ssn3d.subtomograms.store import open_shard

TRAINING = "src/ssn3d/segmentation/training/train.py"
ERRORS = "src/ssn3d/core/errors.py"


def jobs(printed):
    """Count the jobs of each rule, from the table of a dry run."""
    table = re.search(r"job +count\n-+ +-+\n(.*?)\ntotal", printed, re.DOTALL)
    lines = table[1].splitlines() if table else []
    return {line.split()[0]: int(line.split()[1]) for line in lines}


@pytest.fixture(scope="module")
def copied(tmp_path_factory):
    """Copy what the small experiment needs; nothing is run in it."""
    folder = tmp_path_factory.mktemp("planned")
    copy_repository(folder)
    return folder


def dry_run(folder, *files):
    return jobs(snakemake(folder, "-n", "--configfile", *(files or ["small.yaml"])))


@pytest.mark.slow
def test_tables_follow_the_configuration(finished):
    table2 = pd.read_csv(finished / "results" / "tables" / "table2.csv")
    assert table2["method"].tolist() == [
        "Xu & Alber", "Xu & Alber, tuned", "SSN3D-ED", "SSN3D-ED"
    ]  # fmt: skip
    assert table2["snr"].tolist() == [0.2, 0.2, 0.2, 0.05]
    assert table2["capacity"].tolist()[2:] == [895746, 895746]
    assert table2["pixel_accuracy"].between(50, 100).all()
    assert table2["miou"].between(10, 100).all()
    assert table2["iou_foreground"][1] > 15  # tuned; a random mask of that size has 2
    assert table2["independent_miou"].between(10, 100).all()
    assert (table2["independent_miou"] != table2["miou"]).all()
    assert (table2["status"] == "done").all()
    table3 = pd.read_csv(finished / "results" / "tables" / "table3.csv")
    assert table3["pdb_id"].tolist() == ["1KP8", "2GLS", "1W6T"]
    assert table3["source"].str.startswith("surrogate").all()
    assert table3["miou"].notna().tolist() == [False, True, False]
    assert "not asked for" in table3["status"][0]


@pytest.mark.slow
@pytest.mark.parametrize(("tomogram", "count"), [("t1", 25), ("t2", 25), ("independent1", 12)])
def test_a_shard_is_drawn_from_its_tomogram_in_balance(tomogram, count, finished):
    """As many of every structure, as far as there are; the copies in the specimens are random."""
    folder = finished / "results" / "tomograms" / tomogram
    copies = read_json(folder / "specimen.json")["copies"]
    assert max(copies.values()) > min(copies.values()) + 1
    particles = read_particles(folder / "particles.star")
    inside = Counter(particles.pdb_ids[lies_inside(particles.centres, 24, (72, 120, 128))])
    shard = open_shard(finished / "results" / "subtomograms" / "low" / f"{tomogram}.h5")
    chosen = Counter(shard.particles.pdb_ids)
    assert (shard.origin.tomogram, chosen.total()) == (tomogram, count)
    scarce = {pdb_id for pdb_id in chosen if chosen[pdb_id] == inside[pdb_id]}
    others = [n for pdb_id, n in chosen.items() if pdb_id not in scarce]
    assert max(others, default=0) - min(others, default=0) <= 1
    assert all(chosen[pdb_id] <= max(others, default=count) for pdb_id in scarce)


@pytest.mark.slow
def test_no_training_is_given_an_independent_tomogram(finished):
    for record in (finished / "results" / "runs").glob("*/*/*/run.json"):
        method = record.parts[-4]
        seen = {Path(name).name for name in read_json(record)["provenance"]["shards_sha256"]}
        assert ("independent1" in seen) == method.startswith("Xu-Alber")
        assert {"t1", "t2"} <= seen
    for search in (finished / "results" / "baseline").glob("*/*.json"):
        names = read_json(search)["shards_sha256"]
        assert {Path(name).name for name in names} == {"t1", "t2"}


@pytest.mark.slow
def test_volumes_go_once_they_are_cut_where_only_subtomograms_are_kept(finished, tmp_path):
    copy_repository(tmp_path)
    (tmp_path / "keep.yaml").write_text("keep: subtomograms\n")
    options = ("results/subtomograms/low/t2.h5", "--configfile", "small.yaml", "keep.yaml")
    snakemake(tmp_path, *options)
    left = {path.name for path in (tmp_path / "results" / "tomograms" / "t2").iterdir()}
    truth = {"labels.mrc.gz", "particles.star", "ground.star"}
    assert left == truth | {"specimen.json", "acquisition.json", "low.json"}
    shards = [folder / "results/subtomograms/low/t2.h5" for folder in (tmp_path, finished)]
    assert open_shard(shards[0]).sha256 == open_shard(shards[1]).sha256
    assert "Nothing to be done" in snakemake(tmp_path, "-n", *options)


@pytest.mark.slow
def test_report_holds_every_figure_and_table(finished, report):
    page = report.read_text()
    for path in (finished / "results" / "figures").glob("*.png"):
        assert f"results/figures/{path.name}" in page
        assert path.with_suffix(".svg").exists()
    for path in (finished / "results" / "tables").glob("*.html"):
        assert f"results/tables/{path.name}" in page


@pytest.mark.slow
def test_a_moved_folder_needs_nothing_run_again(finished):
    moved = finished.rename(finished.with_name("moved"))
    try:
        assert dry_run(moved) == {}
    finally:
        moved.rename(finished)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "rerun", "untouched"),
    [
        ({"training": {"learning_rate": 0.01}}, "train_network", "extract_subtomograms"),
        ({"baseline": {"search": {"trials": 3}}}, "search_baseline", "train_network"),
        ({"microscope": {"optics": {"defocus_um": 4.0}}}, "image_specimen", "simulate_specimen"),
        ({"figures": {"example_ids": ["1W6T"]}}, "draw_segmentation", "make_tables"),
        ({"splits": {"test_fraction": 0.2}}, "split_dataset", "extract_subtomograms"),
        ({"specimen": {"particles": 149}}, "simulate_specimen", "prepare_structures"),
    ],
)
def test_one_changed_leaf_reruns_what_depends_on_it(finished, change, rerun, untouched):
    (finished / "change.yaml").write_text(yaml.safe_dump(change))
    planned = dry_run(finished, "small.yaml", "change.yaml")
    assert rerun in planned
    assert untouched not in planned


@contextmanager
def replaced(folder, *edits):
    """Replace one text in each file (file, before, after); they are as they were afterwards."""
    with ExitStack() as undo:
        for file, before, after in edits:
            path = folder / file
            content, times = path.read_text(), path.stat()
            assert before in content
            undo.callback(os.utime, path, ns=(times.st_atime_ns, times.st_mtime_ns))
            undo.callback(path.write_text, content)
            path.write_text(content.replace(before, after, 1))
        yield


@pytest.mark.slow
def test_changed_library_code_reruns_the_rules_that_use_it(finished):
    recipe = "src/ssn3d/segmentation/training/losses.py"
    with replaced(finished, (recipe, "(1 + settings.", "(2 + settings.")):
        planned = dry_run(finished)
    assert planned["train_network"] == 3
    assert "extract_subtomograms" not in planned
    assert "search_baseline" not in planned


@pytest.mark.slow
def test_a_comment_a_docstring_or_a_share_of_a_gpu_reruns_nothing(finished):
    (finished / "change.yaml").write_text("trainings_per_gpu: 3\n")
    script = "workflow/scripts/train_network.py"
    edits = [(file, "\nimport ", "\n# a comment\nimport ") for file in (TRAINING, script)]
    edits += [(file, '"""Train', '"""Changed. Train') for file in (TRAINING, script)]
    edits.append((ERRORS, '"""A key', '"""Changed. A key'))
    with replaced(finished, *edits):
        assert dry_run(finished, "small.yaml", "change.yaml") == {}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("files", "rerun", "untouched"),
    [
        (["complexes.tsv"], {"prepare_structures", "describe_data", "make_tables"}, set()),
        (["paper_table2.csv", "paper_table3.csv"], {"make_tables"}, {"image_specimen"}),
    ],
)
def test_changed_facts_rerun_the_rules_that_read_them(finished, files, rerun, untouched):
    with replaced(finished, *((f"resources/{file}", "1", "2") for file in files)):
        planned = dry_run(finished)
    assert rerun <= set(planned)
    assert not untouched & set(planned)


@pytest.mark.slow
def test_the_linter_is_content(finished):
    command = [sys.executable, "-m", "snakemake", "--lint", "--configfile", "small.yaml"]
    done = subprocess.run(command, cwd=finished, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("asked", ["cuda", "auto"])
def test_jobs_that_are_to_use_cuda_have_its_environment(copied, asked):
    (copied / "asked.yaml").write_text(yaml.safe_dump({"training": {"device": asked}}))
    (copied / "show.smk").write_text(
        'include: "Snakefile"\n'
        "for rule in workflow.rules:\n"
        '    print(rule.name, "in", rule.conda_env)\n'
    )
    printed = snakemake(copied, "-n", "-s", "show.smk", "--configfile", "small.yaml", "asked.yaml")
    found = dict(re.findall(r"^(\w+) in \S*/envs/(\w+)\.yaml$", printed, re.MULTILINE))
    on_cuda = {rule for rule, environment in found.items() if environment == "cuda"}
    networks = {"train_network", "evaluate_network"}
    networks |= {"segment_tomogram", "segment_picks", "segment_searched"}
    assert on_cuda == (networks if asked == "cuda" else set())
    assert {"image_specimen", "add_noise", "run_baseline"} <= set(found)


@pytest.mark.slow
def test_seeds_ask_for_trainings_and_not_for_splits(copied):
    """Rows of Table 2 with several seeds are as many trainings, on one split."""
    rows = [{"method": "SSN3D-ED", "dataset": "high", "seeds": 3}]
    (copied / "seeds.yaml").write_text(yaml.safe_dump({"tables": {"table2": rows}}))
    planned = dry_run(copied, "small.yaml", "seeds.yaml")
    assert planned["train_network"] == planned["evaluate_network"] == 4  # and one for Table 3
    assert planned["split_dataset"] == 2
    assert planned["draw_segmentation"] == 1  # of the first seed


@pytest.mark.slow
def test_the_snakefile_where_catalogs_look_plans_the_same(copied):
    command = ("-n", "--forceall", "--configfile", "small.yaml")
    expected = jobs(snakemake(copied, *command))
    planned = jobs(snakemake(copied, *command, "-s", "workflow/Snakefile"))
    assert planned.pop("default") == expected.pop("all") == 1
    assert planned == expected


@pytest.mark.slow
def test_a_structures_subtomograms_are_exported(finished):
    folder = finished / "results" / "export" / "low_1W6T"
    shards = (finished / "results" / "subtomograms" / "low").glob("t*.h5")
    expected = sum((open_shard(path).particles.pdb_ids == "1W6T").sum() for path in shards)
    exported = list((folder / "subtomograms").glob("*.mrc"))
    assert len(exported) == expected > 0
    assert (folder / "particles.star").exists()


@pytest.mark.slow
def test_a_tilt_series_is_exported_as_it_was_taken(finished):
    exported, tomogram = finished / "results/export/t1_low", finished / "results/tomograms/t1"
    images, _ = read_mrc(tomogram / "low_tilts.mrc")
    np.testing.assert_array_equal(read_mrc(exported / "tilts.mrcs")[0], images)
    assert len(np.loadtxt(exported / "tilts.xf")) == len(images)
    assert read_json(tomogram / "acquisition.json")["numbers"]["optics.defocus_um"] == 5.0
    assert (exported / "tilt_series.star").exists()
