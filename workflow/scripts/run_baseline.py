"""Segment the test set of one split without a network, and score it."""

from pathlib import Path

from ssn3d.core.log import job
from ssn3d.experiment.runs import BASELINES, path_name
from ssn3d.segmentation.baseline.steps import baseline_run
from ssn3d.segmentation.settings import BaselineParameters

if __name__ == "__main__":
    with job(snakemake.log[0]):
        fixed = snakemake.params.settings  # None if they come from a search
        methods = {path_name(method): method for method in BASELINES}
        baseline_run(
            snakemake.input.shards,
            snakemake.input.split,
            methods[snakemake.wildcards.baseline],
            BaselineParameters(**fixed) if fixed else snakemake.input.search,
            Path(snakemake.output.run).parent,
            seed=snakemake.params.seed,
            workers=snakemake.threads,
        )
