"""Set the simulation of tomograms like those measured; check the targets."""

from ssn3d.core.log import job
from ssn3d.find.simulation import write_simulation

if __name__ == "__main__":
    with job(snakemake.log[0]):
        files, params = snakemake.input, snakemake.params
        triples = zip(files.measurements, files.seen, files.labels, strict=True)
        write_simulation(
            dict(zip(params.names, triples, strict=True)),
            params.tilts,
            (files.structures, files.distractors),
            {"specimen": params.specimen, "microscope": params.microscope},
            snakemake.output[0],
        )
