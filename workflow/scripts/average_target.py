"""Average the picks of one target in all tomograms."""

from ssn3d.core.log import job
from ssn3d.find.average import average_target
from ssn3d.recovery.particle_stack import Source
from ssn3d.recovery.samples_table import Sample

if __name__ == "__main__":
    with job(snakemake.log[0]):
        files = snakemake.input
        named = zip(files.tomograms, snakemake.params.samples, strict=True)
        samples = [Sample(file=file, **sample) for file, sample in named]
        columns = zip(samples, files.picks, strict=True)
        average_target(
            [Source(sample, picks, None, None) for sample, picks in columns],
            files.structure,
            folder=snakemake.output.folder,
            figure=snakemake.output.png,
            seed=snakemake.params.seed,
            threads=snakemake.threads,
        )
