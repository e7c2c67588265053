"""Cut one dataset of subtomograms and masks out of its tomograms."""

from ssn3d.log import job
from ssn3d.subtomograms.steps import extract_subtomograms

if __name__ == "__main__":
    with job(snakemake.log[0]):
        files = snakemake.input
        columns = zip(files.tomograms, files.labels, files.particles, files.summaries, strict=True)
        kinds = ("tomogram", "labels", "particles", "summary")
        extract_subtomograms(
            selection=files.selection,
            tomograms={
                name: dict(zip(kinds, paths, strict=True))
                for name, paths in zip(snakemake.params.names, columns, strict=True)
            },
            size_voxels=snakemake.params.size_voxels,
            seed=snakemake.params.seed,
            dataset_name=snakemake.wildcards.dataset,
            structures=files.structures,
            dataset=snakemake.output[0],
        )
