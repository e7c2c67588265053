"""Segment the target at each pick of a tomogram."""

from pathlib import Path

from ssn3d.core.device import use_threads
from ssn3d.core.log import job
from ssn3d.recovery.samples_table import Sample
from ssn3d.recovery.settings import TargetSettings
from ssn3d.recovery.steps import segment_picks

if __name__ == "__main__":
    with job(snakemake.log[0]):
        use_threads(snakemake.threads)
        segment_picks(
            Sample(file=snakemake.input.tomogram, **snakemake.params.sample),
            snakemake.input.picks,
            snakemake.input.model or None,
            TargetSettings.model_validate(snakemake.params.settings),
            Path(snakemake.output[0]).parent,
            device=snakemake.params.device,
            jobs_per_gpu=snakemake.config["trainings_per_gpu"],
        )
