"""Learn on simulated tomograms how probable it is that a candidate is right."""

from ssn3d.core.log import job
from ssn3d.find.steps import calibrate_targets

if __name__ == "__main__":
    with job(snakemake.log[0]):
        calibrate_targets(
            snakemake.input, snakemake.params.targets, snakemake.params.rate, **snakemake.output
        )
