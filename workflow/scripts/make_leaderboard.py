"""Rank all methods, those of the experiment and those from outside."""

from pathlib import Path

from ssn3d.core.log import job
from ssn3d.microscope.settings import SNRSettings
from ssn3d.report.settings import LeaderboardSettings, TablesSettings
from ssn3d.report.tables.leaderboard_files import make_leaderboard

if __name__ == "__main__":
    with job(snakemake.log[0]):
        params = snakemake.params
        folders = [*dict.fromkeys(str(Path(file).parent) for file in snakemake.input.external)]
        make_leaderboard(
            LeaderboardSettings.model_validate(params.leaderboard | {"external": folders}),
            TablesSettings.model_validate(params.tables),
            SNRSettings.model_validate(params.snr).snr_of,
            params.pdb_ids,
            runs=Path(snakemake.input.runs[0]).parents[3],
            csv=snakemake.output.csv,
            seed=params.seed,
        )
