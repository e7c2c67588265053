"""Measure one tomogram, for the simulation of tomograms like it."""

from pathlib import Path

from ssn3d.core.log import job
from ssn3d.find.simulation import measure_sample
from ssn3d.recovery.samples_table import Sample

if __name__ == "__main__":
    with job(snakemake.log[0]):
        measure_sample(
            Sample(file=snakemake.input.tomogram, **snakemake.params.sample),
            (snakemake.input.probability, snakemake.input.labels),
            Path(snakemake.output[0]).parent,
            snakemake.params.optics,
        )
