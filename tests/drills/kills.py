"""kill -9 of Snakemake, and of a job, in every stage; then the same command again."""

import random
import time

from compare import assert_same_results
from experiment import LOCKED, Run, complete, kill

STAGES = [
    "prepare_structures", "simulate_specimen", "image_specimen", "add_noise", "select_particles",
    "extract_subtomograms", "split_dataset", "train_network", "evaluate_network",
    "search_baseline", "run_baseline", "make_tables", "draw_specimen", "draw_segmentation",
    "draw_scores",
]  # fmt: skip


def drill(folder, reference):
    """Kill a job of each stage, and Snakemake while another runs; the results are the same."""
    chance = random.Random(0)  # noqa: S311 -- when to kill is no secret
    pending = {"Snakemake": set(STAGES), "job": set(STAGES)}
    while any(pending.values()):
        for kind, stages in pending.items():
            if stages:
                kill_once(folder, kind, stages, chance)
    complete(folder)
    count = assert_same_results(folder / "results", reference / "results")
    print(f"  killed in {len(STAGES)} stages, twice each; {count} files are as without")


def kill_once(folder, kind, stages, chance):
    """Start, kill in the first of the stages that comes up, and take it from the list."""
    run = Run(folder)
    found = run.job(stages)
    if found is None and LOCKED in run.printed:
        assert "--unlock" in run.printed
        assert Run(folder, "--unlock").finish() == 0
        return
    if found is None:  # what is left is done by now: do it anew
        assert run.finish() == 0, run.printed
        rule = min(stages, key=STAGES.index)
        run = Run(folder, "--forcerun", rule)
        found = run.job({rule})
        assert found, run.printed
    rule, pid = found
    time.sleep(chance.uniform(0, 6))
    was_there = kill(run.process.pid if kind == "Snakemake" else pid)
    status = run.finish()
    print(f"  {kind} killed in {rule}" if was_there else f"  {rule} was faster", flush=True)
    if was_there:
        assert status != 0
        stages.remove(rule)
    if kind == "job":
        assert "Traceback" not in run.printed, run.printed
