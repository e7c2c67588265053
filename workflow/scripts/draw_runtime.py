"""Draw seconds and memory of each rule."""

from ssn3d.log import job
from ssn3d.report.figure_runtime import draw_runtime

if __name__ == "__main__":
    with job(snakemake.log[0]):
        draw_runtime(dict(snakemake.input.items()), figure=snakemake.output.png)
