"""Place the particles of one tomogram, and draw its density and instance labels."""

from ssn3d.log import job
from ssn3d.specimen.steps import simulate_specimen, specimen_settings

if __name__ == "__main__":
    with job(snakemake.log[0]):
        simulate_specimen(
            dict(zip(snakemake.params.pdb_ids, snakemake.input.structures, strict=True)),
            specimen_settings(snakemake.params.settings),
            snakemake.params.seed,
            snakemake.wildcards.tomogram,
            **snakemake.output,
        )
