"""kill -9 of Snakemake, and of a job, in every stage; then the same command again."""

import random
import shutil
import time

from compare import assert_same_results

from experiment import LOCKED, Run, complete, jobs, kill

STAGES = [
    "prepare_structures", "simulate_specimen", "image_specimen", "add_noise",
    "extract_subtomograms", "split_dataset", "train_network", "evaluate_network",
    "search_baseline", "run_baseline", "make_tables", "draw_specimen", "draw_segmentation",
    "draw_scores",
]  # fmt: skip
KINDS = ("Snakemake", "job")
LONGEST_WAIT_S = 6


def drill(folder, reference):
    """Kill a job of each stage, and Snakemake while another runs; the results are the same."""
    chance = random.Random(0)  # noqa: S311 -- when to kill is no secret
    # by stage, how long to wait at most: in a moment of its own, then, if it was faster, at once
    pending = {kind: dict.fromkeys(STAGES, LONGEST_WAIT_S) for kind in KINDS}
    while any(pending.values()):
        for kind, waits_s in pending.items():
            if waits_s:
                kill_once(folder, kind, waits_s, chance)
    complete(folder)
    count = assert_same_results(folder / "results", reference / "results")
    killed = " and ".join(KINDS)
    print(f"  {killed} killed in {len(STAGES)} stages each; {count} files are as without")


def kill_once(folder, kind, waits_s, chance):
    """Start, kill in the first of the stages that comes up, and take it from the list."""
    run = Run(folder)
    found = run.job(waits_s)
    if found is None:
        go_on(folder, run)
        return
    rule, pid = found
    time.sleep(chance.uniform(0, waits_s[rule]))
    if pid in jobs(folder) and kill(run.process.pid if kind == "Snakemake" else pid):
        assert run.finish() != 0
        print(f"  {kind} killed in {rule}", flush=True)
        del waits_s[rule]
    else:
        run.finish()
        waits_s[rule] = 0
    assert "Traceback" not in run.printed, run.printed


def go_on(folder, run):
    """Do as Snakemake says where it is locked; begin anew where nothing is left to be killed in."""
    if LOCKED in run.printed:
        assert "--unlock" in run.printed
        assert Run(folder, "--unlock").finish() == 0
    else:
        assert run.finish() == 0, run.printed
        shutil.rmtree(folder / "results")
