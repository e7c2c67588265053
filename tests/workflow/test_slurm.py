"""A real Slurm: jobs get what they ask for, ask for more after a failure, and give the same bytes.

Skipped where no Slurm answers whose one node is this machine: tests/slurm/one_node_slurm.sh is one.
"""

import hashlib
import itertools
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from small_workflow import REPOSITORY, copy_repository
from ssn3d.io.files import sha256_of
from ssn3d.subtomograms.store import open_shard

RUN = "results/runs/SSN3D-ED/low/random"
SCORES = f"{RUN}/per_subtomogram.csv"
ON_GPU = {"train_network", "evaluate_network"}
CHAIN = {"simulate_specimen", "image_specimen", "add_noise", "extract_subtomograms"}
"""Of a tomogram: one entry of the queue."""
MRC_HEADER_BYTES = 1024  # the time of writing is in it
VOLUMES = ("density", "labels", "signal", "tilts", "low", "low_tilts")


def output_of(*command, folder=REPOSITORY):
    """Run a command in a folder; give what it printed. Fails the test where the command fails."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def snakemake(folder, *arguments):
    return output_of(sys.executable, "-m", "snakemake", *arguments, folder=folder)


def voxels_sha256(path):
    return hashlib.sha256(path.read_bytes()[MRC_HEADER_BYTES:]).hexdigest()


def records(folder):
    """Slurm's records of the jobs of a folder by rule, each rule's in the order of submission.

    Those of tomograms' chains are by "tomogram".
    """
    by_rule = {}
    for line in output_of("scontrol", "--oneliner", "show", "job").splitlines():
        record = dict(re.findall(r"(\S+?)=(\S*)", line))
        if record.get("WorkDir") == str(folder):
            rule = re.match(r"rule_(tomogram|\w+?)(_add_noise|_wildcards_|$)", record["Comment"])[1]
            by_rule.setdefault(rule, []).append(record)
    return by_rule


def skip_without_one_node_slurm():
    """Tests submit to no cluster but our own."""
    known = shutil.which("scontrol") and subprocess.run(
        ["scontrol", "show", "config"], capture_output=True, text=True, check=False
    )
    if not known or not re.search(r"^ClusterName *= one-node$", known.stdout, re.MULTILINE):
        pytest.skip("no one-node Slurm answers; root can: tests/slurm/one_node_slurm.sh start")


@pytest.fixture(scope="module")
def submitted(tmp_path_factory):
    """Train and evaluate one network through Slurm, by the profile as it is.

    The training asks for less memory than it needs, so that Slurm ends its first attempt; and the
    jobs of tomograms for one core, so that two chains fit on two cores.
    """
    skip_without_one_node_slurm()
    folder = tmp_path_factory.mktemp("slurm")
    copy_repository(folder)
    rules = folder / "workflow" / "rules" / "common.smk"
    rules.write_text(rules.read_text().replace("READING_MB = 3500", "READING_MB = 600"))
    slurm = ["--profile", "profiles/slurm", "--slurm-init-seconds-before-status-checks", "2"]
    slurm += ["--set-threads", *(f"{rule}=1" for rule in CHAIN)]
    snakemake(folder, SCORES, *slurm, "--configfile", "small.yaml")
    return folder


@pytest.mark.slurm
@pytest.mark.slow
def test_jobs_went_through_slurm_and_got_what_they_asked_for(submitted):
    jobs = records(submitted)
    assert set(jobs) == {"tomogram", *ON_GPU}
    for rule, attempts in jobs.items():
        job = attempts[-1]
        assert job["JobState"] == "COMPLETED"
        assert job["NumCPUs"] == "1"
        assert (job.get("TresPerJob") == "gres:gpu:1") == (rule in ON_GPU)
    assert jobs["train_network"][0]["TimeLimit"] == "08:00:00"


@pytest.mark.slurm
@pytest.mark.slow
def test_chains_of_tomograms_run_side_by_side(submitted):
    """One entry of the queue each; times are ISO 8601, so that they sort as text."""
    chains = records(submitted)["tomogram"]
    assert len(chains) == 3
    spans = sorted((chain["StartTime"], chain["EndTime"]) for chain in chains)
    assert any(later[0] < earlier[1] for earlier, later in itertools.pairwise(spans))


@pytest.mark.slurm
@pytest.mark.slow
def test_a_job_out_of_memory_gets_more(submitted):
    first, second, *_ = records(submitted)["train_network"]
    assert first["JobState"] == "FAILED"
    assert "exceeded memory limit" in Path(first["StdOut"]).read_text()
    assert second["JobState"] == "COMPLETED"
    assert [job["MinMemoryNode"] for job in (first, second)] == ["600M", "1200M"]
    assert [job["TimeLimit"] for job in (first, second)] == ["08:00:00", "16:00:00"]


@pytest.mark.slurm
@pytest.mark.slow
def test_a_local_run_gives_the_same_bytes_and_finds_nothing_to_do(submitted, tmp_path):
    local = ["--cores", "2", "--configfile", "small.yaml"]
    assert "Nothing to be done" in snakemake(submitted, SCORES, "-n", *local)
    copy_repository(tmp_path)
    snakemake(tmp_path, SCORES, *local)
    for name in ("results/splits/random.csv", f"{RUN}/weights.pt", f"{RUN}/predictions.h5"):
        assert sha256_of(submitted / name) == sha256_of(tmp_path / name), name
    scores = [pd.read_csv(where / SCORES, dtype=str) for where in (submitted, tmp_path)]
    assert scores[0].drop(columns="milliseconds").equals(scores[1].drop(columns="milliseconds"))
    for name in VOLUMES:
        path = Path("results") / "tomograms" / "t1" / f"{name}.mrc"
        assert voxels_sha256(submitted / path) == voxels_sha256(tmp_path / path), name
    path = Path("results") / "subtomograms" / "low" / "t1.h5"
    shards = [open_shard(where / path) for where in (submitted, tmp_path)]
    assert shards[0].sha256 == shards[1].sha256


def planned(folder, *options):
    """What each rule asks for, from a dry run: mem_mb, runtime, gpu and so on, by rule."""
    printed = snakemake(folder, "-n", "--configfile", "small.yaml", *options)
    by_rule = re.findall(r"(?ms)^ *(?:local)?rule (\w+):.*?resources: ([^\n]*)", printed)
    return {rule: dict(re.findall(r"(\w+)=([^,]+)", line)) for rule, line in by_rule}


@pytest.mark.slow
def test_every_rule_asks_for_more_in_each_attempt(tmp_path):
    copy_repository(tmp_path)
    slurm = ["--profile", "profiles/slurm", "--attempt"]  # Snakemake's way to tell it to a job
    first, third = planned(tmp_path, *slurm, "1"), planned(tmp_path, *slurm, "3")
    assert set(first) > CHAIN | ON_GPU
    for rule, resources in first.items():
        for name, least in (("mem_mb", 2000), ("runtime", 15)):
            assert int(resources[name]) >= least, rule
            assert int(third[rule][name]) == 3 * int(resources[name]), rule


@pytest.mark.slow
def test_trainings_of_a_workstation_share_its_gpus(tmp_path):
    copy_repository(tmp_path)
    asked = planned(tmp_path, "--profile", "profiles/workstation")
    assert {rule for rule, resources in asked.items() if resources.get("gpu") == "1"} == ON_GPU
