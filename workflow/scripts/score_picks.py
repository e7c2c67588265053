"""Compare picks of a simulated tomogram, and their targets, with the truth."""

from ssn3d.core.log import job
from ssn3d.recovery.scores import Truth, score_sample

if __name__ == "__main__":
    with job(snakemake.log[0]):
        files = snakemake.input
        score_sample(
            Truth(files.particles, files.labels, files.ground),
            files.picks,
            files.instances,
            snakemake.params.distance,
            structure=files.structure or None,
            matches=snakemake.output.matches,
            counts=snakemake.output.counts,
        )
