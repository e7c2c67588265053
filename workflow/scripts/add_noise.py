"""Add noise to one tomogram, to the SNR of a dataset."""

from ssn3d.core.device import use_threads
from ssn3d.core.log import job
from ssn3d.microscope.settings import MicroscopeSettings, ReferenceSettings
from ssn3d.microscope.steps import add_noise

if __name__ == "__main__":
    with job(snakemake.log[0]):
        use_threads(snakemake.threads)
        asked = snakemake.params.asked
        add_noise(
            dict(snakemake.input),
            MicroscopeSettings.model_validate(asked["microscope"]),
            ReferenceSettings.model_validate(asked["reference"]),
            size_voxels=asked["size_voxels"],
            target=asked["target"],
            seed=asked["seed"],
            keys=(snakemake.wildcards.tomogram, snakemake.wildcards.dataset),
            **snakemake.output,
        )
