"""Choose the particles of all datasets."""

from ssn3d.log import job
from ssn3d.subtomograms.steps import select_particles

if __name__ == "__main__":
    with job(snakemake.log[0]):
        params = snakemake.params
        select_particles(
            dict(zip(params.tomograms, snakemake.input.particles, strict=True)),
            (params.shape["z"], params.shape["y"], params.shape["x"]),
            params.settings,
            params.seed,
            selection=snakemake.output[0],
        )
