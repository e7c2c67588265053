"""Draw one tomogram: slices, labels, a tilt image and the power spectrum."""

from ssn3d.log import job
from ssn3d.report.steps import draw_tomogram

if __name__ == "__main__":
    with job(snakemake.log[0]):
        wildcards, tilt = snakemake.wildcards, snakemake.params.tilt
        draw_tomogram(
            dict(snakemake.input.items()),
            f"{wildcards.tomogram}, dataset {wildcards.dataset}, SNR {snakemake.params.snr:g}",
            (tilt["min_deg"], tilt["max_deg"]),
            figure=snakemake.output[0],
        )
