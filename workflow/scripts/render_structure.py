"""Write the density map of a structure."""

from ssn3d.core.log import job
from ssn3d.core.ranges import lowest
from ssn3d.structures.steps import render_structure

if __name__ == "__main__":
    with job(snakemake.log[0]):
        params = snakemake.params
        render_structure(
            snakemake.input[0],
            params.voxel_size,
            lowest(params.resolution),
            snakemake.output[0],
        )
