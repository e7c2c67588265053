"""Segment a whole tomogram into macromolecules and background."""

from pathlib import Path

from ssn3d.core.device import own_gpu, use_threads
from ssn3d.core.log import job
from ssn3d.models.card import default_model
from ssn3d.models.shipped import load_model
from ssn3d.recovery.sample import open_sample
from ssn3d.recovery.samples_table import Sample
from ssn3d.recovery.segment import segment_whole

if __name__ == "__main__":
    with job(snakemake.log[0]):
        use_threads(snakemake.threads)
        model = load_model(str(snakemake.input.model or default_model("all")), "all")
        tomogram = open_sample(Sample(file=snakemake.input.tomogram, **snakemake.params.sample))
        with own_gpu(snakemake.params.device, snakemake.config["trainings_per_gpu"]):
            segment_whole(
                tomogram,
                model,
                Path(snakemake.output.probability).parent,
                device=snakemake.params.device,
            )
