"""Choose the particles of all datasets."""

from ssn3d.log import job
from ssn3d.settings import SizeVoxels
from ssn3d.subtomograms.settings import SubtomogramsSettings
from ssn3d.subtomograms.steps import select_particles

if __name__ == "__main__":
    with job(snakemake.log[0]):
        params = snakemake.params
        select_particles(
            dict(zip(params.tomograms, snakemake.input.particles, strict=True)),
            SizeVoxels.model_validate(params.shape).zyx,
            SubtomogramsSettings.model_validate(params.settings),
            params.seed,
            selection=snakemake.output[0],
        )
