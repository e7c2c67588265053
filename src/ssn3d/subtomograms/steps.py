"""The stage from files to files: tomograms in, datasets of subtomograms and their splits out."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ssn3d.crops import crop, crop_corners
from ssn3d.errors import DataError
from ssn3d.files import read_json
from ssn3d.log import logger, progress
from ssn3d.mrc import read_mrc
from ssn3d.provenance import provenance
from ssn3d.seeds import generator
from ssn3d.star import read_particles
from ssn3d.subtomograms.extract import choose, standardise
from ssn3d.subtomograms.splits import read_split, split_subtomograms, write_split
from ssn3d.subtomograms.store import Subtomograms, read_subtomograms, write_subtomograms
from ssn3d.tables import read_csv, write_csv

PathLike = str | os.PathLike[str]


def select_particles(
    particles: Mapping[str, PathLike],
    shape: tuple[int, int, int],
    settings: Mapping[str, Any],
    seed: int,
    *,
    selection: PathLike,
) -> None:
    """Choose whose crops become the datasets, and write a table: tomogram, label, pdb_id.

    `particles` gives each tomogram's STAR file, `shape` a tomogram's size (z, y, x), `settings` is
    the `subtomograms` section of the configuration. All datasets show the same particles.
    """
    tables = [read_particles(path) for path in particles.values()]
    rows = choose(
        tables,
        settings["size_voxels"],
        shape,
        settings["count"],
        generator(seed, "subtomograms"),
        balanced=settings["balanced"],
    )
    chosen = pd.concat(
        pd.DataFrame({"tomogram": name, "label": r + 1, "pdb_id": table.pdb_ids[r]})
        for name, table, r in zip(particles, tables, rows, strict=True)
    )
    write_csv(selection, chosen)
    logger.info("%d subtomograms of %d structures", len(chosen), chosen["pdb_id"].nunique())


def read_selection(path: PathLike) -> pd.DataFrame:
    """Read the table of `select_particles`. Raises DataError where it is damaged."""
    return read_csv(path, {"tomogram": str, "label": np.int64, "pdb_id": str})


def read_dataset(
    dataset: PathLike, split: PathLike
) -> tuple[Subtomograms, dict[str, NDArray[np.int_]]]:
    """Read a dataset, and the rows of each part of a split of it.

    Raises DataError where either is damaged, or the split has not as many rows.
    """
    subtomograms, parts = read_subtomograms(dataset), read_split(split)
    members = sum(len(rows) for rows in parts.values())
    if members != len(subtomograms):
        message = f"{split}: {members} rows, but {dataset} has {len(subtomograms)} subtomograms; "
        raise DataError(message + "the split is of another dataset, make it again")
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

    `tomograms` gives, for each tomogram, the files `tomogram`, `labels`, `particles` and `summary`;
    `structures` are the structures' JSON files, kept as provenance.
    """
    chosen = read_selection(selection)
    unknown = sorted(set(chosen["tomogram"]) - set(tomograms))
    if unknown:
        raise DataError(f"{selection}: names the tomograms {unknown}; delete it and run again")
    parts = []
    summaries = []
    voxel_size = np.nan
    for name, files in tomograms.items():
        volume, voxel_size = read_mrc(files["tomogram"])
        labels, _ = read_mrc(files["labels"], volume.shape)
        rows = chosen[chosen["tomogram"] == name]
        ids = rows["label"].to_numpy()
        everything = read_particles(files["particles"])
        if not np.isin(ids, np.arange(1, len(everything) + 1)).all() or not np.array_equal(
            everything.pdb_ids[ids - 1], rows["pdb_id"].to_numpy(dtype=np.str_)
        ):
            message = f"{selection}: was not made from {files['particles']}"
            raise DataError(f"{message}; delete it and run again")
        particles = everything[ids - 1]
        corners = crop_corners(particles.centres, size_voxels)
        shape = (len(ids), size_voxels, size_voxels, size_voxels)
        images = np.empty(shape, dtype=np.float16)
        masks = np.empty(shape, dtype=np.uint8)
        for i, corner in enumerate(progress(corners, name)):
            images[i] = standardise(crop(volume, corner, size_voxels))
            masks[i] = crop(labels, corner, size_voxels) == ids[i]
        parts.append(
            {
                "images": images,
                "masks": masks,
                "pdb_ids": particles.pdb_ids,
                "tomograms": np.full(len(ids), name),
                "labels": ids.astype(np.int32),
                "centres": particles.centres,
                "rotations": particles.rotations,
            }
        )
        summaries.append(read_json(files["summary"], "snr_asked", "snr_measured"))
    joined: dict[str, Any] = {
        key: np.concatenate([part[key] for part in parts]) for key in parts[0]
    }
    subtomograms = Subtomograms(
        **joined,
        dataset=dataset_name,
        snr_asked=summaries[0]["snr_asked"],
        snr_measured=float(np.mean([summary["snr_measured"] for summary in summaries])),
        voxel_size_angstrom=voxel_size,
    )
    sources = [read_json(path) for path in structures]
    written = provenance(
        seed=seed, settings={"size_voxels": size_voxels}, structures=sources, tomograms=summaries
    )
    write_subtomograms(dataset, subtomograms, written)
    logger.info(
        "%d subtomograms, mean mask %.0f voxels",
        len(chosen),
        joined["masks"].sum(axis=(1, 2, 3)).mean(),
    )


def split_dataset(
    selection: PathLike,
    settings: Mapping[str, float],
    seed: int,
    leave_out: str | None,
    *,
    split: PathLike,
) -> None:
    """Split the selected subtomograms; `settings` is the `splits` section of the configuration."""
    pdb_ids = read_selection(selection)["pdb_id"].to_numpy(dtype=np.str_)
    rng = generator(seed, "split", leave_out or "random")
    parts = split_subtomograms(pdb_ids, **settings, rng=rng, leave_out=leave_out)
    write_split(split, pdb_ids, parts)
