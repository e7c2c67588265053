"""Pick each target in all tomograms."""

from pathlib import Path

from ssn3d.core.log import job
from ssn3d.find.picks import write_picks
from ssn3d.io.tomogram import voxel_size_of
from ssn3d.io.volumes import open_volume
from ssn3d.recovery.samples_table import Sample

if __name__ == "__main__":
    with job(snakemake.log[0]):
        files, params = snakemake.input, snakemake.params
        samples = [
            Sample(file=file, **facts)
            for file, facts in zip(files.tomograms, params.samples, strict=True)
        ]
        volumes = {}
        for sample in samples:
            volume = open_volume(sample.file)
            size, _ = voxel_size_of(volume, sample.voxel_size_angstrom)
            volumes[sample.name] = volume.shape, size
        write_picks(
            dict(zip(volumes, files.candidates, strict=True)),
            files.calibration,
            volumes,
            params.rate,
            Path(snakemake.output.candidates[0]).parents[1],
        )
