"""Export of subtomograms as MRC files with a STAR file, for RELION and compatible programs."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ssn3d.errors import DataError
from ssn3d.log import logger, progress
from ssn3d.microscope.settings import Optics
from ssn3d.mrc import write_mrc
from ssn3d.particles import Particles
from ssn3d.star import write_subtomograms_star
from ssn3d.subtomograms.store import read_subtomograms


def export_subtomograms(
    dataset: str | os.PathLike[str],
    pdb_ids: Sequence[str],
    folder: str | os.PathLike[str],
    optics: Optics,
) -> Path:
    """Write subtomograms of the given structures: {folder}/subtomograms/*.mrc and particles.star.

    Image names in the STAR file are relative to `folder`: run RELION there. Protein remains dark.

    Returns:
        the STAR file.

    Raises:
        DataError: the dataset is damaged, or has none of these structures.
    """
    subtomograms = read_subtomograms(dataset)
    rows = np.flatnonzero(np.isin(subtomograms.pdb_ids, pdb_ids))
    if not len(rows):
        raise DataError(
            f"{dataset}: no subtomogram of {', '.join(pdb_ids)}; it has "
            f"{', '.join(np.unique(subtomograms.pdb_ids))}"
        )
    names = []
    for row in progress(rows, "export"):
        name = f"subtomograms/{subtomograms.tomograms[row]}_{subtomograms.labels[row]:05d}.mrc"
        image = subtomograms.images[row].astype(np.float32)
        write_mrc(Path(folder) / name, image, subtomograms.voxel_size_angstrom)
        names.append(name)
    particles = Particles(
        subtomograms.pdb_ids[rows], subtomograms.centres[rows], subtomograms.rotations[rows]
    )
    star = Path(folder) / "particles.star"
    write_subtomograms_star(
        star,
        particles,
        tomograms=subtomograms.tomograms[rows],
        image_names=names,
        size_voxels=subtomograms.images.shape[-1],
        voxel_size_angstrom=subtomograms.voxel_size_angstrom,
        optics=optics.model_dump(),
    )
    logger.info("%s: %d subtomograms", star, len(rows))
    return star
