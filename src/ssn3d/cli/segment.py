"""`ssn3d segment`."""

import argparse
import math
import time
from pathlib import Path
from typing import Literal

from ssn3d.cli.table_options import table_options
from ssn3d.core.errors import DataError
from ssn3d.core.log import logger
from ssn3d.io.particles.of_tomogram import TableOptions, read_particles_of
from ssn3d.io.tomogram import Tomogram, open_tomogram
from ssn3d.models.card import default_model
from ssn3d.models.shipped import Model, load_model
from ssn3d.segmentation.inference.compute import Compute
from ssn3d.segmentation.inference.instances import segment_targets, write_instances, write_masked
from ssn3d.segmentation.inference.whole_tomogram import segment_tomogram


def run(arguments: argparse.Namespace) -> None:
    """Segment a tomogram, or the particles picked in it."""
    if arguments.masked and arguments.particles is None:
        raise DataError("--masked is for picked particles; give them with --particles")
    if arguments.particles is None and table_options(arguments) != TableOptions():
        raise DataError(
            "--name, --tomograms, --pixel-size and --offset are for picked particles; give them "
            "with --particles"
        )
    target: Literal["all", "centred"] = "all" if arguments.particles is None else "centred"
    model = load_model(arguments.model or default_model(target), target)
    tomogram = open_tomogram(arguments.tomogram, arguments.voxel_size, arguments.protein)
    compute = model.place(arguments.device)
    if arguments.particles is None:
        _whole(arguments, tomogram, model, compute)
    else:
        _targets(arguments, tomogram, model, compute)


def _whole(
    arguments: argparse.Namespace, tomogram: Tomogram, model: Model, compute: Compute
) -> None:
    """Segment the whole tomogram."""
    started = time.perf_counter()
    found = segment_tomogram(
        tomogram,
        model.network,
        compute,
        arguments.output,
        voxel_size_angstrom=model.voxel_size_angstrom,
        threshold=arguments.threshold,
    )
    seconds = time.perf_counter() - started
    millions = math.prod(tomogram.grid.shape) / 1e6
    logger.info(
        "%s, %s: %.0f s, %.2g million voxels a second",
        *(found.probability, found.labels, seconds, millions / seconds),
    )
    if found.fraction > 0:
        logger.info("%.2f%% of the voxels are structure", 100 * found.fraction)
    else:
        _explain(
            f"no voxel has a probability of {arguments.threshold:g}, the highest is "
            f"{found.highest:.2g}",
            tomogram,
        )


def _targets(
    arguments: argparse.Namespace, tomogram: Tomogram, model: Model, compute: Compute
) -> None:
    """Segment picked particles."""
    options = table_options(arguments)
    centres = read_particles_of(arguments.particles, tomogram, options).particles.centres
    targets = segment_targets(
        tomogram,
        centres,
        model.network,
        compute,
        voxel_size_angstrom=model.voxel_size_angstrom,
        size_voxels=model.size_voxels,
        threshold=arguments.threshold,
    )
    logger.info("%s", write_instances(tomogram, targets, arguments.output))
    if arguments.masked:
        edge_angstrom = model.size_voxels * model.voxel_size_angstrom
        folder = write_masked(tomogram, centres, targets, Path(arguments.output), edge_angstrom)
        logger.info("%s: %d masked subtomograms", folder, len(centres))
    empty = int((targets.voxels == 0).sum())
    if empty == len(centres):
        _explain(f"no voxel of {len(centres)} particles has that probability", tomogram)
    else:
        logger.info("%d particles, %d of them without a voxel", len(centres), empty)


def _explain(what: str, tomogram: Tomogram) -> None:
    """Say what an empty result may come from."""
    logger.warning(
        "nothing found: %s; lower --threshold, or check that protein is %s (--protein) and voxels "
        "are %.4g A wide (--voxel-size)",
        *(what, "dark" if tomogram.protein_is_dark else "bright"),
        tomogram.grid.voxel_size_angstrom,
    )
