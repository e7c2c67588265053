"""Make Tables 2 and 3 from all runs."""

from pathlib import Path

from ssn3d.log import job
from ssn3d.microscope.settings import SNRSettings
from ssn3d.report.settings import TablesSettings
from ssn3d.report.table_steps import make_tables, write_tables

if __name__ == "__main__":
    with job(snakemake.log[0]):
        params = snakemake.params
        seed = params.config["seed"]
        tables = make_tables(
            TablesSettings.model_validate(params.config["tables"]),
            SNRSettings.model_validate(params.config["snr"]).snr_of,
            params.pdb_ids,
            "results",
            Path(snakemake.input.facts[0]).parent,
            seed=seed,
        )
        write_tables(tables, params.pdb_ids, "results", seed=seed, settings=params.config)
