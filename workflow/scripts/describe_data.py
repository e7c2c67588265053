"""Write the report's pages about structures, specimens and SNRs."""

from pathlib import Path

from ssn3d.core.log import job
from ssn3d.report.tables.data_pages import describe_data

if __name__ == "__main__":
    with job(snakemake.log[0]):
        describe_data(
            Path(snakemake.input.structures[0]).parents[1],
            snakemake.input.complexes,
            **snakemake.params.names,
            **snakemake.output,
        )
