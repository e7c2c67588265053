"""Deployment as a module of another workflow, with a prefix."""

import os
import re
import shutil

import pytest

from small_workflow import copy_repository, snakemake
from ssn3d.io.files import sha256_of

SNAKEFILE = """
configfile: "ssn3d/small.yaml"


module ssn3d:
    snakefile:
        "ssn3d/Snakefile"
    config:
        config
    prefix:
        "pre"


use rule * from ssn3d as ssn3d_*
"""
MADE = {
    "ssn3d_make_tables": "tables/table2.csv",
    "ssn3d_describe_data": "tables/snr.html",
    "ssn3d_draw_runtime": "figures/runtime.svg",
}


@pytest.fixture
def deployed(tmp_path):
    """Give a folder with a workflow that uses a copy of the repository below it."""
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    (tmp_path / "ssn3d").mkdir()
    copy_repository(tmp_path / "ssn3d")
    (tmp_path / "ssn3d" / "ids.txt").rename(tmp_path / "ids.txt")
    return tmp_path


@pytest.mark.slow
def test_prefix_of_paths(deployed):
    printed = snakemake(deployed, "-n", "ssn3d_all", "ssn3d_recover", "ssn3d_make_leaderboard")
    lines = re.findall(r"^ +(?:input|output|log|benchmark): (.*)$", printed, re.MULTILINE)
    paths = {path for line in lines for path in line.split(", ")}
    others = {path for path in paths if not path.startswith("pre/")}
    assert len(paths) > 200
    assert {path.partition("/")[0] for path in others} == {"ids.txt", "ssn3d"}


@pytest.mark.slow
def test_tables_of_module(finished, deployed):
    results = deployed / "pre" / "results"
    shutil.copytree(finished / "results", results, copy_function=os.link)
    shutil.copy2(finished / "ids.txt", deployed)  # no newer than the results
    targets = [f"pre/results/{file}" for file in MADE.values()]
    for target in targets:
        (deployed / target).unlink()
    linked = ("--rerun-triggers", "mtime")  # that Snakemake has no record of
    snakemake(deployed, *targets, *linked)
    assert not (deployed / "results").exists()
    table = MADE["ssn3d_make_tables"]
    assert sha256_of(results / table) == sha256_of(finished / "results" / table)
    assert "Nothing to be done" in snakemake(deployed, "-n", *targets, *linked)
