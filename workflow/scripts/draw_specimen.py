"""Draw the SNR calibration and what the datasets hold."""

from ssn3d.core.log import job
from ssn3d.report.figures.specimen import draw_specimen

if __name__ == "__main__":
    with job(snakemake.log[0]):
        files, drawn = snakemake.input, snakemake.output
        draw_specimen(
            files.shard,
            dict(zip(snakemake.params.names, files.summaries, strict=True)),
            files.complexes,
            calibration=drawn.calibration,
            packing=drawn.packing,
            masks=drawn.masks,
            masks_csv=drawn.masks_csv,
        )
