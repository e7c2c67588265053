"""Segment the target at each pick of a tomogram."""

from pathlib import Path

from ssn3d.core.device import own_gpu, use_threads
from ssn3d.core.log import job
from ssn3d.io.particles.files import read_particle_table
from ssn3d.io.particles.of_tomogram import frame_of_tomogram
from ssn3d.models.card import default_model
from ssn3d.models.shipped import load_model
from ssn3d.recovery.sample import open_sample
from ssn3d.recovery.samples_table import Sample
from ssn3d.recovery.segment import segment_picks
from ssn3d.recovery.settings import TargetSettings

if __name__ == "__main__":
    with job(snakemake.log[0]):
        use_threads(snakemake.threads)
        settings = TargetSettings.model_validate(snakemake.params.settings)
        model = load_model(str(snakemake.input.model or default_model("centred")), "centred")
        tomogram = open_sample(Sample(file=snakemake.input.tomogram, **snakemake.params.sample))
        picks = read_particle_table(snakemake.input.picks, frame_of_tomogram(tomogram))
        with own_gpu(snakemake.params.device, snakemake.config["trainings_per_gpu"]):
            segment_picks(
                tomogram,
                picks.particles.centres,
                model,
                Path(snakemake.output[0]).parent,
                device=snakemake.params.device,
                threshold=settings.threshold,
            )
