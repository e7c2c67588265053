"""Draw the SNR calibration and what the datasets hold."""

from ssn3d.log import job
from ssn3d.report.steps import draw_specimen

if __name__ == "__main__":
    with job(snakemake.log[0]):
        names, files = snakemake.params.names, snakemake.input
        draw_specimen(
            dict(zip(names, files.datasets, strict=True)),
            dict(zip(names, files.summaries, strict=True)),
            files.complexes,
            **snakemake.output,
        )
