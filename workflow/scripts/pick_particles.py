"""Pick particles in a tomogram, or in its segmentation."""

from ssn3d.core.log import job
from ssn3d.recovery.pick import pick_sample
from ssn3d.recovery.samples_table import Sample
from ssn3d.recovery.settings import PickingSettings

if __name__ == "__main__":
    with job(snakemake.log[0]):
        pick_sample(
            Sample(file=snakemake.input.tomogram, **snakemake.params.sample),
            PickingSettings.model_validate(snakemake.params.settings),
            snakemake.output[0],
            snakemake.input.probability or None,
        )
