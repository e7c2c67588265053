"""The subtomogram stage on files: tomograms in, shards of subtomograms and splits out."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ssn3d.core.background import classes_of_labels
from ssn3d.core.errors import DataError
from ssn3d.core.log import logger, progress
from ssn3d.core.provenance import provenance
from ssn3d.core.seeds import generator
from ssn3d.io.files import PathLike, read_json
from ssn3d.io.mrc import read_mrc
from ssn3d.io.particles.simulated import read_background, read_particles
from ssn3d.subtomograms.extract import cut
from ssn3d.subtomograms.places import ANY_CLASS, choose_corners, cut_places, particles_at
from ssn3d.subtomograms.selection import select
from ssn3d.subtomograms.settings import SelectionSettings, SplitsSettings, SubtomogramsSettings
from ssn3d.subtomograms.splits import read_split, split_subtomograms, write_split
from ssn3d.subtomograms.store import Cube, Dataset, Origin, open_dataset, write_shard


def extract_subtomograms(
    *,
    tomogram: PathLike,
    labels: PathLike,
    particles: PathLike,
    summary: PathLike,
    specimen: PathLike,
    ground: PathLike,
    names: tuple[str, str],
    settings: SelectionSettings,
    seed: int,
    shard: PathLike,
) -> None:
    """Cut subtomograms and their masks out of a tomogram, and write a shard.

    `names` are those of tomogram and dataset. `summary` is the JSON file of `add_noise`, `ground`
    the table of background objects of `simulate_specimen`, and `specimen` its JSON file, for the
    provenance.
    """
    name, dataset = names
    snr = read_json(summary, "snr_asked", "snr_measured")
    volume, voxel_size = read_mrc(tomogram)
    everything, (instances, _) = read_particles(particles), read_mrc(labels, volume.shape)
    rows, size = select(everything, volume.shape, settings, seed, name), settings.size_voxels
    cubes: Iterable[Cube]
    if settings.target == "classes":
        kinds = read_background(ground).kinds
        classes = classes_of_labels(instances, len(everything), kinds)
        rng = generator(seed, "places", name)
        corners = choose_corners(classes, size, len(rows), rng)
        chosen = particles_at(corners + size // 2)
        cubes = cut_places(volume, classes, corners, size)
    else:
        chosen = everything[rows]
        instances[instances > len(everything)] = 0  # background objects
        rng = generator(seed, "errors of centres", name)
        errors = rng.normal(0, settings.centre_error_angstrom / voxel_size, (len(rows), 3))
        cubes = cut(
            *(volume, instances, chosen, rows + 1, size),
            target=settings.target,
            errors_voxels=errors,
        )
    origin = Origin(
        dataset, name, settings.target, snr["snr_asked"], snr["snr_measured"], voxel_size
    )
    simulated = read_json(specimen, "provenance")["provenance"]
    made = provenance(seed=seed, settings=settings.model_dump(), specimen=simulated, tomogram=snr)
    write_shard(
        shard,
        origin,
        chosen,
        rows + 1,
        progress(cubes, name, len(rows)),
        size_voxels=size,
        provenance=made,
    )
    logger.info("%s: %d subtomograms", shard, len(rows))


def split_dataset(
    particles: Mapping[str, PathLike],
    *,
    shape: tuple[int, int, int],
    selection: SubtomogramsSettings,
    settings: SplitsSettings,
    seed: int,
    leave_out: str | None,
    split: PathLike,
) -> None:
    """Split the subtomograms of all tomograms, or leave one structure out.

    `particles` are the STAR files by tomogram, independent ones included; `shape` (z, y, x) is that
    of a tomogram.
    """
    tomograms, labels, pdb_ids = [], [], []
    for name, path in particles.items():
        table = read_particles(path)
        rows = select(table, shape, selection.of(name), seed, name)
        tomograms.append(np.full(len(rows), name))
        labels.append(rows + 1)
        at_places = selection.target == "classes"
        pdb_ids.append(np.full(len(rows), ANY_CLASS) if at_places else table.pdb_ids[rows])
    columns = np.concatenate(tomograms), np.concatenate(labels), np.concatenate(pdb_ids)
    rng = generator(seed, "split", leave_out or "random")
    parts = split_subtomograms(columns[0], columns[2], settings, rng, leave_out)
    write_split(split, *columns, parts)
    counts = ", ".join(f"{(parts == part).sum()} {part}" for part in np.unique(parts))
    logger.info("%s: %s", split, counts)


def read_dataset(
    shards: Sequence[PathLike], split: PathLike, needed: Iterable[str] = ()
) -> tuple[Dataset, dict[str, NDArray[np.int_]]]:
    """Open the shards of a dataset, and read the rows of each part of a split.

    Raises DataError if a file is damaged, the split is that of other subtomograms, or a part that
    is `needed` has no rows in these shards.
    """
    dataset = open_dataset(shards)
    rows = read_split(split, dataset)
    for part in needed:
        if not len(rows[part]):
            message = f"{split}: the {part} set is empty in these shards"
            raise DataError(f"{message}; give the shards of all tomograms of the split")
    return dataset, rows
