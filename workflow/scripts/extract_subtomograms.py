"""Cut subtomograms and masks out of one tomogram of a dataset."""

from ssn3d.core.log import job
from ssn3d.subtomograms.settings import SelectionSettings
from ssn3d.subtomograms.steps import extract_subtomograms

if __name__ == "__main__":
    with job(snakemake.log[0]):
        files = snakemake.input
        extract_subtomograms(
            tomogram=files.tomogram,
            labels=files.labels,
            particles=files.particles,
            summary=files.summary,
            specimen=files.specimen,
            ground=files.ground,
            names=(snakemake.wildcards.tomogram, snakemake.wildcards.dataset),
            settings=SelectionSettings.model_validate(snakemake.params.settings),
            seed=snakemake.params.seed,
            shard=snakemake.output[0],
        )
