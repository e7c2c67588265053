"""Segment a tomogram, or the particle at each pick: a tomogram comes in, MRC files go out."""

import math
import time
from collections.abc import Collection
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ssn3d.core.errors import DataError
from ssn3d.core.log import logger
from ssn3d.io.files import PathLike
from ssn3d.io.tomogram import Tomogram
from ssn3d.measure.vacuum import find_vacuum
from ssn3d.models.shipped import Model
from ssn3d.segmentation.inference.instances import segment_targets, write_instances, write_masked
from ssn3d.segmentation.inference.whole_tomogram import segment_tomogram


def segment_whole(
    tomogram: Tomogram,
    model: Model,
    folder: PathLike,
    *,
    device: str,
    threshold: float = 0.5,
    others: Collection[str] = (),
    keep_vacuum: bool = False,
) -> None:
    """Write {folder}/NAME_probability.mrc and NAME_labels.mrc of a whole tomogram.

    The model is for target `all`. Labels are the numbers of its classes where their probability is
    at least the threshold (`segment_tomogram`); 1 is macromolecule. Probabilities of `others` are
    written, too, if the model has these classes. Vacuum beside a slab of ice is left out unless it
    is to be kept. If nothing is found, this is logged, not raised.

    Raises:
        DataError: the tomogram is too thin for the network.
        WriteError: a file cannot be written.
    """
    compute = model.place(device)
    started = time.perf_counter()
    found = segment_tomogram(
        *(tomogram, model.network, compute, folder),
        voxel_size_angstrom=model.sampling_angstrom(tomogram.grid.voxel_size_angstrom),
        threshold=threshold,
        classes=model.classes,
        standardised=model.standardised,
        others=others,
        vacuum=None if keep_vacuum else find_vacuum(tomogram),
    )
    seconds = time.perf_counter() - started
    millions = math.prod(tomogram.grid.shape) / 1e6
    logger.info(
        "%s: %.0f s, %.2g million voxels per second",
        ", ".join(map(str, (found.probability, found.labels, *found.others))),
        *(seconds, millions / seconds),
    )
    if found.fraction > 0:
        first, *others_found = ((100 * part, name) for name, part in found.shares.items())
        shares = [f"{first[0]:.2f}% of the voxels are {first[1]}"]
        shares += [f"{percent:.2f}% {name}" for percent, name in others_found]
        logger.info(
            "%s; the highest probability of macromolecule is %.2g",
            *(", ".join(shares), found.highest),
        )
    else:
        reason = f"no voxel has a probability of {threshold:g}, the highest is {found.highest:.2g}"
        _warn_of_nothing(reason, tomogram)


def segment_picks(
    tomogram: Tomogram,
    centres: NDArray[np.float64],
    model: Model,
    folder: PathLike,
    *,
    device: str,
    threshold: float,
    masked: bool = False,
) -> None:
    """Write {folder}/NAME_instances.mrc: label i is the target of pick i, all 0 without picks.

    The model is for centred targets; centres (n, 3) are in voxels, (z, y, x); the threshold is the
    minimum probability of a voxel. With `masked`, {folder}/NAME_masked/00001.mrc and so on are
    written, too: masked subtomograms.

    Raises:
        DataError: a centre is outside of the tomogram, there are too many, or the model takes whole
            tomograms only.
        WriteError: a file cannot be written.
    """
    if model.standardised != "tile":
        raise DataError(
            f"model: {model.name!r} is for tomograms standardised as a whole; give one for single "
            "particles"
        )
    targets = segment_targets(
        tomogram,
        centres,
        model.network,
        model.place(device),
        voxel_size_angstrom=model.voxel_size_angstrom,
        size_voxels=model.size_voxels,
        threshold=threshold,
    )
    logger.info("%s", write_instances(tomogram, targets, folder))
    if masked:
        edge_angstrom = model.size_voxels * model.voxel_size_angstrom
        written = write_masked(tomogram, centres, targets, Path(folder), edge_angstrom)
        logger.info("%s: %d masked subtomograms", written, len(centres))
    empty = int(np.count_nonzero(targets.voxels == 0))
    if 0 < empty == len(centres):
        _warn_of_nothing(f"no voxel of {empty} particles has that probability", tomogram)
    else:
        logger.info("%d particles, %d of them without a voxel", len(centres), empty)


def _warn_of_nothing(reason: str, tomogram: Tomogram) -> None:
    """Log that nothing was found, and which options to check."""
    logger.warning(
        "nothing found: %s; lower --threshold, or check that protein is %s (--protein) and voxels "
        "are %.4g A wide (--voxel-size)",
        *(reason, "dark" if tomogram.protein_is_dark else "bright"),
        tomogram.grid.voxel_size_angstrom,
    )
