"""Segment the test set of one split with the baseline, and score it."""

from pathlib import Path

from ssn3d.log import job
from ssn3d.segmentation.baseline_steps import baseline_run
from ssn3d.segmentation.settings import BaselineParameters

if __name__ == "__main__":
    with job(snakemake.log[0]):
        fixed = snakemake.params.settings  # None if they come from a search
        baseline_run(
            snakemake.input.shards,
            snakemake.input.split,
            BaselineParameters(**fixed) if fixed else snakemake.input.search,
            Path(snakemake.output.run).parent,
            seed=snakemake.params.seed,
            workers=snakemake.threads,
        )
