"""Make the table of what was recovered from simulated tomograms."""

from pathlib import Path

from ssn3d.core.log import job
from ssn3d.report.tables.recovery_scores import make_recovery_table

if __name__ == "__main__":
    with job(snakemake.log[0]):
        params = snakemake.params
        make_recovery_table(
            Path(snakemake.input.structures[0]).parents[1],
            params.groups,
            params.snrs,
            params.pdb_ids,
            method=params.method,
            distance_angstrom=params.distance,
            csv=snakemake.output.csv,
        )
