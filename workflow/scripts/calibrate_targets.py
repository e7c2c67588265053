"""Learn on tomograms whose particles are known how probable it is that a candidate is right."""

from ssn3d.core.log import job
from ssn3d.find.picks import calibrate_targets

if __name__ == "__main__":
    with job(snakemake.log[0]):
        files, asked = snakemake.input, snakemake.params
        calibrate_targets(
            *(files.simulated, files.annotated, asked.targets, asked.rate), **snakemake.output
        )
