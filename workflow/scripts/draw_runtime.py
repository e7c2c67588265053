"""Draw seconds and memory of each rule."""

from ssn3d.core.log import job
from ssn3d.report.figures.runtime import draw_runtime

if __name__ == "__main__":
    with job(snakemake.log[0]):
        draw_runtime(dict(snakemake.input.items()), figure=snakemake.output.png)
