"""Pick each target in one tomogram."""

from pathlib import Path

from ssn3d.core.log import job
from ssn3d.find.steps import write_picks
from ssn3d.recovery.sample import open_sample
from ssn3d.recovery.samples_table import Sample

if __name__ == "__main__":
    with job(snakemake.log[0]):
        files = snakemake.input
        tomogram = open_sample(Sample(file=files.tomogram, **snakemake.params.sample))
        grid = tomogram.grid
        write_picks(
            files.candidates,
            files.calibration,
            (tomogram.name, grid.shape, grid.voxel_size_angstrom),
            snakemake.params.rate,
            Path(snakemake.output.candidates).parent,
        )
