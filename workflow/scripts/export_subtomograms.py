"""Write the subtomograms of one structure for RELION."""

from pathlib import Path

from ssn3d.log import job
from ssn3d.subtomograms.export import export_subtomograms

if __name__ == "__main__":
    with job(snakemake.log[0]):
        folder = Path(snakemake.output.star).parent
        export_subtomograms(
            snakemake.input[0], [snakemake.wildcards.pdb_id], folder, snakemake.params.optics
        )
