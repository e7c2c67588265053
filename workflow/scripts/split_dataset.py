"""Split the subtomograms of all tomograms, or leave one structure out."""

from ssn3d.core.log import job
from ssn3d.core.settings import SizeVoxels
from ssn3d.subtomograms.settings import SplitsSettings, SubtomogramsSettings
from ssn3d.subtomograms.steps import split_dataset

if __name__ == "__main__":
    with job(snakemake.log[0]):
        params, name = snakemake.params, snakemake.wildcards.split
        split_dataset(
            dict(zip(params.tomograms, snakemake.input.particles, strict=True)),
            shape=SizeVoxels.model_validate(params.shape).zyx,
            selection=SubtomogramsSettings.model_validate(params.subtomograms),
            settings=SplitsSettings.model_validate(params.settings),
            seed=params.seed,
            leave_out=None if name == "random" else name[-4:],
            split=snakemake.output[0],
        )
