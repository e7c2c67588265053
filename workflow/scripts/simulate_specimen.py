"""Place the particles of one tomogram, and draw its density and instance labels."""

from ssn3d.core.log import job
from ssn3d.find.simulated import simulated_section
from ssn3d.specimen.settings import SpecimenSettings
from ssn3d.specimen.steps import simulate_specimen

_ATTEMPTS = 10
"""For a search: of specimens as in config/varied.yaml, 3 of 62 had no room for their objects."""

if __name__ == "__main__":
    with job(snakemake.log[0]):
        files, settings = snakemake.input, snakemake.params.settings
        settings = simulated_section(files.simulation, "specimen", settings)
        structures = dict(zip(snakemake.params.pdb_ids, files.structures, strict=True))
        for pdb_id in simulated_section(files.simulation, "twins", []):
            structures.pop(pdb_id, None)
        simulate_specimen(
            structures,
            SpecimenSettings.model_validate(settings),
            snakemake.params.seed,
            snakemake.wildcards.tomogram,
            attempts=_ATTEMPTS if files.simulation else 1,
            **snakemake.output,
        )
