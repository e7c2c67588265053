"""Draw the training curves of all networks."""

from pathlib import Path

from ssn3d.core.log import job
from ssn3d.report.figures.training import draw_training

if __name__ == "__main__":
    with job(snakemake.log[0]):
        folders = [Path(history).parent for history in snakemake.input.histories]
        titles = snakemake.params.titles
        draw_training(dict(zip(titles, folders, strict=True)), figure=snakemake.output.png)
