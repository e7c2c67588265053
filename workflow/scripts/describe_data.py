"""Write the report's pages about structures, specimens and SNRs."""

from ssn3d.log import job
from ssn3d.report.data_pages import describe_data

if __name__ == "__main__":
    with job(snakemake.log[0]):
        params = snakemake.params
        describe_data(
            "results",
            snakemake.input.complexes,
            pdb_ids=params.pdb_ids,
            tomograms=params.tomograms,
            datasets=params.datasets,
            **snakemake.output,
        )
