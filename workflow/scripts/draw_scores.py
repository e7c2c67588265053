"""Draw the scores per class, over mask size, and beside the paper's."""

from ssn3d.core.log import job
from ssn3d.report.figures.scores import draw_scores

if __name__ == "__main__":
    with job(snakemake.log[0]):
        drawn = snakemake.output
        draw_scores(
            dict(zip(snakemake.params.titles, snakemake.input.scores, strict=True)),
            snakemake.input.table3,
            per_class=drawn.per_class,
            against_size=drawn.against_size,
            against_paper=drawn.against_paper,
        )
