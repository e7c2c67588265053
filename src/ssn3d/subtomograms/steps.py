"""The subtomogram stage on files: tomograms in, datasets of subtomograms and splits out."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ssn3d.crops import lies_inside
from ssn3d.csv_files import write_csv
from ssn3d.errors import DataError
from ssn3d.files import read_json
from ssn3d.log import logger, progress
from ssn3d.mrc import read_mrc
from ssn3d.particles import Particles
from ssn3d.provenance import provenance
from ssn3d.seeds import generator
from ssn3d.star import read_particles
from ssn3d.subtomograms.extract import cut
from ssn3d.subtomograms.selection import choose, read_selection, selection_sha256
from ssn3d.subtomograms.settings import SplitsSettings, SubtomogramsSettings
from ssn3d.subtomograms.splits import read_split, split_subtomograms, write_split
from ssn3d.subtomograms.store import Subtomograms, read_subtomograms, write_subtomograms

PathLike = str | os.PathLike[str]


def select_particles(
    particles: Mapping[str, PathLike],
    shape: tuple[int, int, int],
    settings: SubtomogramsSettings,
    seed: int,
    *,
    selection: PathLike,
) -> None:
    """Choose the particles of all datasets, and write a table: tomogram, label, pdb_id.

    `particles` is each tomogram's STAR file, `shape` a tomogram's size (z, y, x).
    """
    tables = [read_particles(path) for path in particles.values()]
    rows = choose(
        tables,
        settings.size_voxels,
        shape,
        settings.count,
        generator(seed, "subtomograms"),
        balanced=settings.balanced,
    )
    chosen = pd.concat(
        pd.DataFrame({"tomogram": name, "label": r + 1, "pdb_id": table.pdb_ids[r]})
        for name, table, r in zip(particles, tables, rows, strict=True)
    )
    write_csv(selection, chosen)
    logger.info("%d subtomograms of %d structures", len(chosen), chosen["pdb_id"].nunique())


def read_dataset(
    dataset: PathLike, split: PathLike
) -> tuple[Subtomograms, dict[str, NDArray[np.int_]]]:
    """Read a dataset, and the rows of each part of a split.

    Raises DataError where either is damaged, or the split is of other particles.
    """
    subtomograms = read_subtomograms(dataset)
    parts, of_selection = read_split(split)
    members = sum(len(rows) for rows in parts.values())
    if of_selection != subtomograms.selection_sha256 or members != len(subtomograms):
        message = f"{split}: not a split of {dataset}, but of another selection of particles"
        raise DataError(f"{message}; use a split of the same selection, or delete both and rerun")
    return subtomograms, parts


def extract_subtomograms(
    *,
    selection: PathLike,
    tomograms: Mapping[str, Mapping[str, PathLike]],
    size_voxels: int,
    seed: int,
    dataset_name: str,
    structures: Sequence[PathLike],
    dataset: PathLike,
) -> None:
    """Cut the selected subtomograms and their masks out of each tomogram of a dataset.

    `tomograms` names the files `tomogram`, `labels`, `particles` and `summary` of each tomogram;
    `structures` are the JSON files of the structures, for the provenance.
    """
    chosen = read_selection(selection)
    unknown = sorted(set(chosen["tomogram"]) - set(tomograms))
    if unknown:
        raise DataError(f"{selection}: has unknown tomograms {unknown}; delete it and rerun")
    summaries = [
        read_json(files["summary"], "snr_asked", "snr_measured") for files in tomograms.values()
    ]
    subtomograms = Subtomograms(
        **_cut_all(selection, chosen, tomograms, size_voxels),
        pdb_ids=chosen["pdb_id"].to_numpy(dtype=np.str_),
        tomograms=chosen["tomogram"].to_numpy(dtype=np.str_),
        labels=chosen["label"].to_numpy(dtype=np.int32),
        dataset=dataset_name,
        snr_asked=summaries[0]["snr_asked"],
        snr_measured=float(np.mean([summary["snr_measured"] for summary in summaries])),
    )
    sources = [read_json(path) for path in structures]
    written = provenance(
        seed=seed, settings={"size_voxels": size_voxels}, structures=sources, tomograms=summaries
    )
    write_subtomograms(dataset, subtomograms, written)
    mean_mask = subtomograms.masks.sum(axis=(1, 2, 3)).mean()
    logger.info("%d subtomograms, mean mask %.0f voxels", len(chosen), mean_mask)


def _cut_all(
    selection: PathLike,
    chosen: pd.DataFrame,
    tomograms: Mapping[str, Mapping[str, PathLike]],
    size: int,
) -> dict[str, Any]:
    """Cut the rows of a selection, one tomogram at a time: fields of `Subtomograms`."""
    count = len(chosen)
    images = np.empty((count, size, size, size), dtype=np.float16)
    masks = np.empty(images.shape, dtype=np.uint8)
    centres, rotations = np.empty((count, 3)), np.empty((count, 3, 3))
    voxel_size = np.nan
    for name, files in tomograms.items():
        volume, voxel_size = read_mrc(files["tomogram"])
        labels, _ = read_mrc(files["labels"], volume.shape)
        rows = np.flatnonzero(chosen["tomogram"] == name)
        particles = _selected(selection, chosen.iloc[rows], files["particles"])
        if not lies_inside(particles.centres, size, volume.shape).all():
            message = f"{selection}: crops of {size} voxels extend beyond {files['tomogram']}"
            raise DataError(f"{message}; delete it and rerun")
        centres[rows], rotations[rows] = particles.centres, particles.rotations
        cubes = cut(volume, labels, particles, chosen["label"].to_numpy()[rows], size)
        for row, (image, mask) in zip(progress(rows, name), cubes, strict=True):
            images[row], masks[row] = image, mask
        del volume, labels  # before the next tomogram is read
    return {
        "images": images,
        "masks": masks,
        "centres": centres,
        "rotations": rotations,
        "voxel_size_angstrom": voxel_size,
    }


def _selected(selection: PathLike, chosen: pd.DataFrame, star: PathLike) -> Particles:
    """Particles of one tomogram's rows of a selection; DataError if the tomogram has others."""
    everything = read_particles(star)
    ids = chosen["label"].to_numpy()
    if not np.isin(ids, np.arange(1, len(everything) + 1)).all() or not np.array_equal(
        everything.pdb_ids[ids - 1], chosen["pdb_id"].to_numpy(dtype=np.str_)
    ):
        raise DataError(f"{selection}: was not made from {star}; delete it and rerun")
    return everything[ids - 1]


def split_dataset(
    selection: PathLike,
    settings: SplitsSettings,
    seed: int,
    leave_out: str | None,
    *,
    split: PathLike,
) -> None:
    """Split the selected subtomograms at random, or leave one structure out."""
    table = read_selection(selection)
    pdb_ids = table["pdb_id"].to_numpy(dtype=np.str_)
    rng = generator(seed, "split", leave_out or "random")
    parts = split_subtomograms(pdb_ids, **settings.model_dump(), rng=rng, leave_out=leave_out)
    digest = selection_sha256(table["tomogram"].to_numpy(), table["label"].to_numpy(), pdb_ids)
    write_split(split, pdb_ids, parts, digest)
