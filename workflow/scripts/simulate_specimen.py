"""Place the particles of one tomogram, and draw its density and instance labels."""

from ssn3d.core.log import job
from ssn3d.specimen.settings import SpecimenSettings
from ssn3d.specimen.steps import simulate_specimen

if __name__ == "__main__":
    with job(snakemake.log[0]):
        simulate_specimen(
            dict(zip(snakemake.params.pdb_ids, snakemake.input.structures, strict=True)),
            SpecimenSettings.model_validate(snakemake.params.settings),
            snakemake.params.seed,
            snakemake.wildcards.tomogram,
            **snakemake.output,
        )
