"""Make Tables 2 and 3 from all runs."""

from pathlib import Path

from ssn3d.log import job
from ssn3d.report.table_steps import write_tables

if __name__ == "__main__":
    with job(snakemake.log[0]):
        params = snakemake.params
        facts = Path(snakemake.input.facts[0]).parent
        write_tables(params.config, params.pdb_ids, "results", facts)
