"""Average the picks of a group of tomograms."""

from pathlib import Path

from ssn3d.core.log import job
from ssn3d.recovery.average import average_picks
from ssn3d.recovery.particle_stack import Source
from ssn3d.recovery.samples_table import Sample
from ssn3d.recovery.scores import picks_of
from ssn3d.recovery.settings import AverageSettings

if __name__ == "__main__":
    with job(snakemake.log[0]):
        files = snakemake.input
        reference = {"reference": files.reference or None}
        settings = AverageSettings.model_validate(snakemake.params.settings | reference)
        named = zip(files.tomograms, snakemake.params.samples, strict=True)
        samples = [Sample(file=file, **sample) for file, sample in named]
        wanted = [picks_of(path, settings.pdb_id) for path in files.matches]
        wanted = wanted or [None] * len(samples)
        columns = zip(samples, files.picks, files.instances, wanted, strict=True)
        average_picks(
            [Source(*source) for source in columns],
            settings,
            Path(snakemake.output[0]).parent,
            seed=snakemake.params.seed,
            threads=snakemake.threads,
            truth=files.truth or None,
        )
