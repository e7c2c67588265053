"""Add noise to one tomogram, to the SNR of a dataset."""

from ssn3d.core.device import use_threads
from ssn3d.core.log import job
from ssn3d.find.simulated import simulated_section
from ssn3d.microscope.settings import BAND, MicroscopeSettings, ReferenceSettings
from ssn3d.microscope.steps import add_noise

if __name__ == "__main__":
    with job(snakemake.log[0]):
        use_threads(snakemake.threads)
        asked, like_them = snakemake.params.asked, snakemake.input.simulation
        settings = simulated_section(like_them, "microscope", asked["microscope"])
        measured = simulated_section(like_them, "snr", None)
        if measured is not None:  # in the tomograms searched, by their band
            asked["reference"]["reference_id"], asked["target"] = BAND, measured
        add_noise(
            dict(snakemake.input),
            MicroscopeSettings.model_validate(settings),
            ReferenceSettings.model_validate(asked["reference"]),
            size_voxels=asked["size_voxels"],
            target=asked["target"],
            seed=asked["seed"],
            keys=(snakemake.wildcards.tomogram, snakemake.wildcards.dataset),
            **snakemake.output,
        )
