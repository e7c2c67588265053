"""From a tomogram to picks, and to the voxels of each: files in, files out."""

import numpy as np

from ssn3d.core.device import own_gpu
from ssn3d.core.log import logger
from ssn3d.io.files import PathLike
from ssn3d.io.particles.files import read_particle_table, write_particle_table
from ssn3d.io.particles.frame import TomogramFrame
from ssn3d.io.particles.of_tomogram import frame_of_tomogram
from ssn3d.io.particles.table import ParticleTable
from ssn3d.io.volumes import open_volume
from ssn3d.models.card import Target, default_model
from ssn3d.models.shipped import Model, load_model
from ssn3d.picking.pick import Choice, pick_blobs, pick_regions
from ssn3d.recovery.sample import open_sample
from ssn3d.recovery.samples_table import Sample
from ssn3d.recovery.settings import PickingSettings, TargetSettings
from ssn3d.segmentation.inference.compute import Compute
from ssn3d.segmentation.inference.instances import segment_targets, write_instances
from ssn3d.segmentation.inference.whole_tomogram import segment_tomogram

_PROBABILITY = 0.5


def _ready(model: PathLike | None, target: Target, device: str) -> tuple[Model, Compute]:
    """Load a model, the default one if there is no file, and place it on the device."""
    loaded = load_model(str(model or default_model(target)), target)
    return loaded, loaded.place(device)


def segment_whole(
    sample: Sample,
    model: PathLike | None,
    folder: PathLike,
    *,
    device: str,
    jobs_per_gpu: int,
) -> None:
    """Write {folder}/NAME_probability.mrc and NAME_labels.mrc of a whole tomogram.

    Raises:
        DataError: the tomogram or the model is not fit for it.
        WriteError: a file cannot be written.
    """
    tomogram = open_sample(sample)
    with own_gpu(device, jobs_per_gpu):
        loaded, compute = _ready(model, "all", device)
        found = segment_tomogram(
            tomogram,
            loaded.network,
            compute,
            folder,
            voxel_size_angstrom=loaded.voxel_size_angstrom,
            threshold=_PROBABILITY,
        )
    logger.info(
        "%.2f%% of the voxels are structure, the highest probability is %.2g",
        *(100 * found.fraction, found.highest),
    )


def pick_sample(
    sample: Sample, settings: PickingSettings, picks: PathLike, probability: PathLike | None = None
) -> None:
    """Write the picks of a tomogram or, where it is given, of its segmentation.

    No picks are explained, and no error. Raises DataError where the volume is not fit for it.
    """
    threshold = None if settings.threshold == "auto" else settings.threshold
    choice = Choice(threshold, most=None, distance_angstrom=None, mask=None)
    if probability is None:
        tomogram = open_sample(sample)
        shape, size = tomogram.grid.shape, tomogram.grid.voxel_size_angstrom
        found = pick_blobs(
            *(tomogram.read_dark, shape, size, settings.diameter_angstrom, choice),
            is_data=tomogram.is_data,
        )
    else:
        volume = open_volume(probability)
        shape, size = volume.shape, volume.voxel_size_angstrom()
        smallest = settings.smallest_diameter_angstrom
        found = pick_regions(volume.read_float32, shape, size, smallest, choice)
    logger.info("%s: %s", sample.name, found.why)
    table = ParticleTable.of_picks(sample.name, found.centres, found.scores)
    frame = TomogramFrame.of_volume(shape, size)
    write_particle_table(picks, table, frame, tomogram=sample.name)


def segment_picks(
    sample: Sample,
    picks: PathLike,
    model: PathLike | None,
    settings: TargetSettings,
    folder: PathLike,
    *,
    device: str,
    jobs_per_gpu: int,
) -> None:
    """Write {folder}/NAME_instances.mrc: label i is the target of pick i, all 0 without picks.

    Raises:
        DataError: the tomogram, the picks or the model are not fit for it.
        WriteError: the file cannot be written.
    """
    tomogram = open_sample(sample)
    table = read_particle_table(picks, frame_of_tomogram(tomogram))
    with own_gpu(device, jobs_per_gpu):
        loaded, compute = _ready(model, "centred", device)
        targets = segment_targets(
            tomogram,
            table.particles.centres,
            loaded.network,
            compute,
            voxel_size_angstrom=loaded.voxel_size_angstrom,
            size_voxels=loaded.size_voxels,
            threshold=settings.threshold,
        )
    write_instances(tomogram, targets, folder)
    empty = int(np.count_nonzero(targets.voxels == 0))
    logger.info("%s: %d picks, %d of them without a voxel", sample.name, len(table), empty)
