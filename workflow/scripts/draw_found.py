"""Draw the picks of each target in one tomogram."""

from ssn3d.core.log import job
from ssn3d.recovery.samples_table import Sample
from ssn3d.report.figures.found import draw_found

if __name__ == "__main__":
    with job(snakemake.log[0]):
        files = snakemake.input
        draw_found(
            Sample(file=files.tomogram, **snakemake.params.sample),
            dict(zip(snakemake.params.targets, files.picks, strict=True)),
            files.labels,
            files.candidates,
            figure=snakemake.output.png,
        )
