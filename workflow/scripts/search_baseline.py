"""Choose the tuned baseline's parameters on training subtomograms."""

from ssn3d.core.log import job
from ssn3d.segmentation.baseline.steps import search_run
from ssn3d.segmentation.settings import BaselineSettings

if __name__ == "__main__":
    with job(snakemake.log[0]):
        search_run(
            snakemake.input.shards,
            snakemake.input.split,
            snakemake.output[0],
            BaselineSettings.model_validate(snakemake.params.settings),
            seed=snakemake.params.seed,
            workers=snakemake.threads,
        )
