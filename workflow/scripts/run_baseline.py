"""Segment the test set of one split without a network, and score it."""

from functools import partial
from pathlib import Path

from ssn3d.core.log import job
from ssn3d.experiment.runs import ORACLE, OTSU, path_name
from ssn3d.segmentation.baseline.steps import baseline_run, threshold_run
from ssn3d.segmentation.settings import BaselineParameters

if __name__ == "__main__":
    with job(snakemake.log[0]):
        fixed = snakemake.params.settings  # None if they come from a search
        parameters = BaselineParameters(**fixed) if fixed else snakemake.input.search
        thresholds = {path_name(method): method for method in (OTSU, ORACLE)}
        method = thresholds.get(snakemake.wildcards.baseline)
        run = partial(threshold_run, method=method) if method else baseline_run
        run(
            snakemake.input.shards,
            snakemake.input.split,
            parameters=parameters,
            folder=Path(snakemake.output.run).parent,
            seed=snakemake.params.seed,
            workers=snakemake.threads,
        )
