"""Make Tables 2 and 3 from all runs."""

from pathlib import Path

from ssn3d.core.log import job
from ssn3d.microscope.settings import SNRSettings
from ssn3d.report.settings import TablesSettings
from ssn3d.report.tables.tables import make_tables
from ssn3d.report.tables.text import write_tables

if __name__ == "__main__":
    with job(snakemake.log[0]):
        params = snakemake.params
        seed = params.config["seed"]
        results = Path(snakemake.input.runs[0]).parents[4]
        tables = make_tables(
            TablesSettings.model_validate(params.config["tables"]),
            SNRSettings.model_validate(params.config["snr"]).snr_of,
            params.pdb_ids,
            results,
            Path(snakemake.input.facts[0]).parent,
            seed=seed,
        )
        folder = Path(snakemake.output.table2).parent
        write_tables(
            tables,
            results / "structures",
            params.pdb_ids,
            folder,
            seed=seed,
            settings=params.config,
        )
