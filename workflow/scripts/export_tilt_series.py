"""Write a tilt series with its true alignment, for IMOD, RELION and others."""

from pathlib import Path

from ssn3d.core.log import job
from ssn3d.core.settings import SizeVoxels
from ssn3d.find.simulated import simulated_section
from ssn3d.microscope.export import export_tilt_series
from ssn3d.microscope.settings import Optics

if __name__ == "__main__":
    with job(snakemake.log[0]):
        files, specimen = snakemake.input, snakemake.params.specimen
        specimen = simulated_section(files.simulation, "specimen", specimen)
        export_tilt_series(
            files.tilts,
            files.acquisition,
            Path(snakemake.output.star).parent,
            snakemake.wildcards.tomogram,
            optics=Optics.model_validate(snakemake.params.optics),
            size=SizeVoxels.model_validate(specimen["tomogram_size_voxels"]),
        )
