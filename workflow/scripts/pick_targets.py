"""Pick each target in one tomogram."""

from pathlib import Path

from ssn3d.core.log import job
from ssn3d.find.picks import write_picks
from ssn3d.io.tomogram import voxel_size_of
from ssn3d.io.volumes import open_volume
from ssn3d.recovery.samples_table import Sample

if __name__ == "__main__":
    with job(snakemake.log[0]):
        files = snakemake.input
        sample = Sample(file=files.tomogram, **snakemake.params.sample)
        volume = open_volume(sample.file)
        write_picks(
            files.candidates,
            files.calibration,
            (sample.name, volume.shape, voxel_size_of(volume, sample.voxel_size_angstrom)[0]),
            snakemake.params.rate,
            Path(snakemake.output.candidates).parent,
        )
