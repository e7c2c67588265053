"""Draw one complex: its surface, and its subtomograms at each SNR."""

from ssn3d.core.log import job
from ssn3d.core.ranges import lowest
from ssn3d.report.figures.complex import draw_complex

if __name__ == "__main__":
    with job(snakemake.log[0]):
        params = snakemake.params
        draw_complex(
            params.pdb_id,
            snakemake.input.structure,
            snakemake.input.shards,
            params.level,
            lowest(params.resolution),
            figure=snakemake.output.png,
        )
