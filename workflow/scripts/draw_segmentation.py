"""Draw truth and prediction of test subtomograms."""

from ssn3d.core.log import job
from ssn3d.report.figures.segmentation import draw_segmentation

if __name__ == "__main__":
    with job(snakemake.log[0]):
        draw_segmentation(
            snakemake.input.shards,
            snakemake.input.scores,
            snakemake.input.predictions,
            snakemake.params.pdb_ids,
            figure=snakemake.output.png,
        )
