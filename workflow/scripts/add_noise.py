"""Add noise to one tomogram, to the SNR of a dataset."""

from ssn3d.device import use_threads
from ssn3d.log import job
from ssn3d.microscope.settings import MicroscopeSettings, ReferenceSettings
from ssn3d.microscope.steps import add_noise

if __name__ == "__main__":
    with job(snakemake.log[0]):
        use_threads(snakemake.threads)
        params = snakemake.params
        add_noise(
            signal=snakemake.input.signal,
            tilts=snakemake.input.tilts,
            particles=snakemake.input.particles,
            specimen_summary=snakemake.input.specimen,
            settings=MicroscopeSettings.model_validate(params.settings),
            snr_settings=ReferenceSettings.model_validate(params.reference),
            size_voxels=params.size_voxels,
            target=params.target,
            seed=params.seed,
            keys=(snakemake.wildcards.tomogram, snakemake.wildcards.dataset),
            tomogram=snakemake.output.tomogram,
            noisy_tilts=snakemake.output.tilts,
            summary=snakemake.output.summary,
        )
