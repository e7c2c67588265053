"""Draw the picks of a tomogram, and the outlines of their targets."""

from ssn3d.core.log import job
from ssn3d.recovery.samples_table import Sample
from ssn3d.report.figures.recovery import draw_picks

if __name__ == "__main__":
    with job(snakemake.log[0]):
        files = snakemake.input
        draw_picks(
            Sample(file=snakemake.input.tomogram, **snakemake.params.sample),
            files.picks,
            files.instances,
            snakemake.params.diameter,
            figure=snakemake.output.png,
            truth=(files.particles, files.matches) if files.matches else None,
        )
