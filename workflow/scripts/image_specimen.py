"""Take the noise-free tilt series of one specimen, and reconstruct it."""

from ssn3d.core.device import use_threads
from ssn3d.core.log import job
from ssn3d.find.simulated import simulated_section
from ssn3d.microscope.settings import MicroscopeSettings
from ssn3d.microscope.steps import image_specimen

if __name__ == "__main__":
    with job(snakemake.log[0]):
        use_threads(snakemake.threads)
        files, settings = snakemake.input, snakemake.params.settings
        settings = simulated_section(files.simulation, "microscope", settings)
        image_specimen(
            files.density,
            MicroscopeSettings.model_validate(settings),
            snakemake.params.seed,
            snakemake.wildcards.tomogram,
            specimen=files.specimen,
            detector_table=next(iter(files.detector_tables), None),
            **snakemake.output,
        )
