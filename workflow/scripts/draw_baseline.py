"""Draw how the baseline works, and where it fails."""

from ssn3d.core.log import job
from ssn3d.report.figures.baseline import draw_baseline

if __name__ == "__main__":
    with job(snakemake.log[0]):
        draw_baseline(
            snakemake.input.shards,
            snakemake.input.run,
            snakemake.input.scores,
            snakemake.params.pdb_ids,
            snakemake.params.seed,
            figure=snakemake.output.png,
        )
