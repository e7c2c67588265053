"""Write the subtomograms of one structure for RELION."""

from pathlib import Path

from ssn3d.core.log import job
from ssn3d.microscope.settings import Optics
from ssn3d.subtomograms.export import export_subtomograms

if __name__ == "__main__":
    with job(snakemake.log[0]):
        export_subtomograms(
            snakemake.input,
            [snakemake.wildcards.pdb_id],
            Path(snakemake.output.star).parent,
            Optics.model_validate(snakemake.params.optics),
        )
