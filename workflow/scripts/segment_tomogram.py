"""Segment a whole tomogram into particles and the rest."""

from pathlib import Path

from ssn3d.core.device import use_threads
from ssn3d.core.log import job
from ssn3d.recovery.samples_table import Sample
from ssn3d.recovery.steps import segment_whole

if __name__ == "__main__":
    with job(snakemake.log[0]):
        use_threads(snakemake.threads)
        segment_whole(
            Sample(file=snakemake.input.tomogram, **snakemake.params.sample),
            snakemake.input.model or None,
            Path(snakemake.output.probability).parent,
            device=snakemake.params.device,
            jobs_per_gpu=snakemake.config["trainings_per_gpu"],
        )
