"""Draw one tomogram: slices, labels, a tilt image and the power spectrum."""

from ssn3d.core.log import job
from ssn3d.report.figures.tomogram import draw_tomogram

if __name__ == "__main__":
    with job(snakemake.log[0]):
        names = snakemake.wildcards
        draw_tomogram(
            dict(snakemake.input.items()),
            f"Tomogram {names.tomogram}, dataset {names.dataset}",
            figure=snakemake.output.png,
        )
