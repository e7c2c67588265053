"""Segment the test set of one split with the baseline, and score it."""

from pathlib import Path

from ssn3d.log import job
from ssn3d.segmentation.baseline_search import baseline_run

if __name__ == "__main__":
    with job(snakemake.log[0]):
        baseline_run(
            snakemake.input.dataset,
            snakemake.input.split,
            snakemake.input.search,
            Path(snakemake.output.run).parent,
            seed=snakemake.params.seed,
            workers=snakemake.threads,
        )
