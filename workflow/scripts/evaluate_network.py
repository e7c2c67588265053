"""Segment the test set of one split with one trained network, and score it."""

from ssn3d.core.device import use_threads
from ssn3d.core.log import job
from ssn3d.segmentation.evaluation.steps import evaluate_run

if __name__ == "__main__":
    with job(snakemake.log[0]):
        use_threads(snakemake.threads)
        evaluate_run(
            snakemake.input.shards,
            snakemake.input.split,
            snakemake.input.weights,
            snakemake.params.device,
            per_subtomogram=snakemake.output.table,
            independent=snakemake.output.independent,
            predictions=snakemake.output.predictions,
            repeat=snakemake.wildcards.repeat,
            trainings_per_gpu=snakemake.config["trainings_per_gpu"],
        )
