"""Take the noise-free tilt series of one specimen, and reconstruct it."""

from ssn3d.core.device import use_threads
from ssn3d.core.log import job
from ssn3d.microscope.settings import MicroscopeSettings
from ssn3d.microscope.steps import image_specimen

if __name__ == "__main__":
    with job(snakemake.log[0]):
        use_threads(snakemake.threads)
        image_specimen(
            snakemake.input.density,
            MicroscopeSettings.model_validate(snakemake.params.settings),
            snakemake.params.seed,
            snakemake.wildcards.tomogram,
            specimen=snakemake.input.specimen,
            detector_table=next(iter(snakemake.input.detector_tables), None),
            **snakemake.output,
        )
