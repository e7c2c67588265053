"""Find the candidates for each target in a segmented tomogram; of a simulated one, those right."""

from ssn3d.core.log import job
from ssn3d.find.steps import write_candidates
from ssn3d.recovery.samples_table import Sample

if __name__ == "__main__":
    with job(snakemake.log[0]):
        files, targets = snakemake.input, snakemake.params.targets
        write_candidates(
            Sample(file=files.tomogram, **snakemake.params.sample),
            (files.probability, files.labels),
            dict(zip(targets, files.structures, strict=True)),
            files.simulation,
            snakemake.output[0],
            truth=files.truth or None,
            acquisition=files.acquisition or None,
            annotations=files.annotations or None,
            threads=snakemake.threads,
        )
