"""Split the selected subtomograms at random, or leave one structure out."""

from ssn3d.log import job
from ssn3d.subtomograms.settings import SplitsSettings
from ssn3d.subtomograms.steps import split_dataset

if __name__ == "__main__":
    with job(snakemake.log[0]):
        split_dataset(
            snakemake.input[0],
            SplitsSettings.model_validate(snakemake.params.settings),
            snakemake.params.seed,
            None if snakemake.wildcards.split == "random" else snakemake.wildcards.split[-4:],
            split=snakemake.output[0],
        )
