"""Export of subtomograms as MRC files with a STAR file, for RELION and compatible programs."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ssn3d.core.errors import DataError
from ssn3d.core.log import logger, progress
from ssn3d.core.particles import joined
from ssn3d.io.files import PathLike
from ssn3d.io.mrc import write_mrc
from ssn3d.io.particles.simulated import write_subtomograms_star
from ssn3d.microscope.settings import Optics
from ssn3d.subtomograms.store import open_dataset


def export_subtomograms(
    shards: Sequence[PathLike], pdb_ids: Sequence[str], folder: PathLike, optics: Optics
) -> Path:
    """Write subtomograms of the given structures: {folder}/subtomograms/*.mrc and particles.star.

    Image names in the STAR file are relative to `folder`: run RELION there. Protein remains dark.

    Returns the STAR file. Raises DataError if a shard is damaged or of another dataset, its
    particles are not centred, or no shard has these structures.
    """
    dataset = open_dataset(shards)
    names_of_datasets = np.unique(dataset.datasets)
    if len(names_of_datasets) > 1:  # images are named by tomogram and label alone
        raise DataError(
            f"{folder}: shards of datasets {', '.join(names_of_datasets)}; export one at a time, "
            "each into its own folder"
        )
    for shard in dataset.shards:
        if shard.origin.target == "classes" or shard.centre_error_angstrom:
            raise DataError(
                f"{shard.path}: its particles are off the middles of their cubes, as "
                "subtomograms.target or centre_error_angstrom has it; export those of target "
                "centred or all without an error"
            )
    names, tomograms, chosen = [], [], []
    for shard in dataset.shards:
        rows = np.flatnonzero(np.isin(shard.particles.pdb_ids, pdb_ids))
        for row in progress(rows, shard.origin.tomogram):
            (image,), _ = shard.read(np.array([row]))
            name = f"subtomograms/{shard.origin.tomogram}_{shard.labels[row]:05d}.mrc"
            voxel_size = dataset.voxel_size_angstrom
            write_mrc(Path(folder) / name, image.astype(np.float32), voxel_size)
            names.append(name)
        tomograms += [shard.origin.tomogram] * len(rows)
        chosen.append(shard.particles[rows])
    if not names:
        raise DataError(
            f"{dataset.shards[0].path}: no subtomogram of {', '.join(pdb_ids)}; it has "
            f"{', '.join(np.unique(dataset.pdb_ids))}"
        )
    star = Path(folder) / "particles.star"
    write_subtomograms_star(
        star,
        joined(chosen),
        tomograms=tomograms,
        image_names=names,
        size_voxels=dataset.size_voxels,
        voxel_size_angstrom=dataset.voxel_size_angstrom,
        optics=optics.model_dump(),
    )
    logger.info("%s: %d subtomograms", star, len(names))
    return star
