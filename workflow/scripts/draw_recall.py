"""Draw which classes picks found, by their mass."""

from ssn3d.core.log import job
from ssn3d.report.figures.recovery import draw_recall

if __name__ == "__main__":
    with job(snakemake.log[0]):
        draw_recall(snakemake.input[0], figure=snakemake.output.png)
