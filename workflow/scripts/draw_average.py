"""Draw an average of picks: slices, surface, FSC."""

from pathlib import Path

from ssn3d.core.log import job
from ssn3d.recovery.settings import AverageSettings
from ssn3d.report.figures.average import draw_recovered_average

if __name__ == "__main__":
    with job(snakemake.log[0]):
        draw_recovered_average(
            Path(snakemake.input.files[0]).parent,
            AverageSettings.model_validate(snakemake.params.settings),
            figure=snakemake.output.png,
            truth=snakemake.input.truth or None,
        )
