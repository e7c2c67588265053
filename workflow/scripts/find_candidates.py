"""Find the candidates for each target in a segmented tomogram; of a simulated one, those right."""

from ssn3d.core.log import job
from ssn3d.find.steps import write_candidates

if __name__ == "__main__":
    with job(snakemake.log[0]):
        files, targets = snakemake.input, snakemake.params.targets
        write_candidates(
            dict(zip(targets, files.probabilities, strict=True)),
            dict(zip(targets, files.structures, strict=True)),
            snakemake.output[0],
            files.truth or None,
        )
