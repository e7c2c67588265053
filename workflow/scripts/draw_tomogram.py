"""Draw one tomogram: slices, labels, a tilt image and the power spectrum."""

from ssn3d.log import job
from ssn3d.report.steps import draw_tomogram

if __name__ == "__main__":
    with job(snakemake.log[0]):
        names, tilt = snakemake.wildcards, snakemake.params.tilt
        title = f"Tomogram {names.tomogram}, dataset {names.dataset}"
        draw_tomogram(
            dict(snakemake.input.items()),
            f"{title}, SNR {snakemake.params.snr:g}",
            (tilt["min_deg"], tilt["max_deg"]),
            figure=snakemake.output.png,
        )
