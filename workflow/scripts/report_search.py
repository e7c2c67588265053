"""Report a search: measurements, expected precision and recall, picks; draw the calibration."""

from ssn3d.core.log import job
from ssn3d.find.report import write_report
from ssn3d.report.figures.found import draw_calibration

if __name__ == "__main__":
    with job(snakemake.log[0]):
        files, names = snakemake.input, snakemake.params.names
        write_report(
            dict(zip(names, files.measured, strict=True)),
            dict(zip(names, files.candidates, strict=True)),
            files.expected,
            files.simulation,
            snakemake.output.report,
        )
        draw_calibration(files.calibration, figure=snakemake.output.png)
