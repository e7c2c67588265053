"""Read, fetch or build all structures, as the configuration says."""

from pathlib import Path

from ssn3d.core.log import job
from ssn3d.structures.settings import StructuresSettings
from ssn3d.structures.steps import prepare_structures

if __name__ == "__main__":
    with job(snakemake.log[0]):
        structures = snakemake.config["structures"]
        prepare_structures(
            snakemake.params.pdb_ids,
            StructuresSettings.model_validate(structures | snakemake.params.settings),
            snakemake.config["seed"],
            Path(snakemake.input.complexes).parent,
            Path(snakemake.output.points[0]).parent,
        )
