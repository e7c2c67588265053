"""Layers of a tomogram: the volume, what `ssn3d segment` wrote of it, and its picks.

Files are sought beside the tomogram, and in the folders `segmented` and NAME next to it. All layers
have the scale of the tomogram, in angstrom, so that they lie on one another. If its header states
none, the scale is that of its segmentation; without one, voxels are 1 A and picks are left out.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssn3d.core.errors import DataError
from ssn3d.core.log import logger
from ssn3d.io.particles.files import SUFFIXES, read_particle_table
from ssn3d.io.particles.of_tomogram import frame_of_volume, particles_named
from ssn3d.io.stored_volume import StoredVolume
from ssn3d.io.tomogram import name_of, voxel_size_of
from ssn3d.io.volumes import open_volume

Layer = tuple[NDArray[Any], dict[str, Any], str]
"""Data, options and type of a layer."""

_FOLDERS = (".", "segmented")
_LABELS = ("labels", "instances")
_SEGMENTATIONS = ("probability", *_LABELS)
_PICKS = ("{name}", "{name}_picks", "picks")
_PICK_ANGSTROM = 100.0


def get_reader(path: str | list[str]) -> Callable[[str], list[Layer]] | None:
    """Return the reader of a file; None for several files at once, and for folders."""
    if isinstance(path, list) or not Path(path).is_file():
        return None
    return read_layers


def read_layers(path: str) -> list[Layer]:
    """Read a tomogram and what belongs to it; or a segmentation by itself.

    Raises DataError if the file is missing, damaged or not a volume. Files that belong to it and
    cannot be read are logged and left out.
    """
    volume = Path(path)
    name = name_of(volume)
    stored = open_volume(volume)
    voxels = stored.read(slice(None))
    kind = name.rpartition("_")[2]
    folders = list(dict.fromkeys(volume.parent / other for other in (*_FOLDERS, name)))
    known = _voxel_size(stored, folders, name)
    scale = known or 1.0
    if kind in _LABELS and "_" in name:
        return [_labels(voxels, name, scale)]
    if kind == "probability":
        return [_probability(voxels, name, scale)]
    layers: list[Layer] = [(voxels, _options(name, scale) | {"colormap": "gray"}, "image")]
    for folder in folders:
        layers += _found(folder, name, voxels.shape, known)
    return layers


def _voxel_size(stored: StoredVolume, folders: list[Path], name: str) -> float | None:
    """Return the voxel size of a tomogram or of its segmentation; None if no header states it."""
    beside = [folder / f"{name}_{kind}.mrc" for folder in folders for kind in _SEGMENTATIONS]
    for path in (stored.path, *beside):
        with suppress(DataError):
            return voxel_size_of(stored if path == stored.path else open_volume(path), None)[0]
    return None


def _found(
    folder: Path, name: str, shape: tuple[int, ...], voxel_size_angstrom: float | None
) -> Iterator[Layer]:
    """Read the files of a folder that belong to a tomogram."""
    scale = voxel_size_angstrom or 1.0
    for kind in _SEGMENTATIONS:
        path = folder / f"{name}_{kind}.mrc"
        if path.exists():
            try:
                voxels = open_volume(path).read(slice(None))
            except DataError as error:
                logger.warning("%s; left out", error)
                continue
            if voxels.shape != shape:
                logger.warning("%s: not of the size of the tomogram; left out", path)
            else:
                layer = _probability if kind == "probability" else _labels
                yield layer(voxels, path.stem, scale)
    for stem in _PICKS:
        for suffix in SUFFIXES:
            path = folder / f"{stem.format(name=name)}{suffix}"
            if path.exists():
                yield from _picks(path, name, shape, voxel_size_angstrom)


def _picks(path: Path, name: str, shape: tuple[int, ...], scale: float | None) -> Iterator[Layer]:
    """Read the picks of a tomogram; none if the table has none of it, or no scale is known."""
    if scale is None:
        logger.warning("%s: left out, since no header states the tomogram's voxel size", path)
        return
    z, y, x = shape
    try:
        _, frame = frame_of_volume(name, (z, y, x), scale)
        table = read_particle_table(path, frame)
        table = particles_named(path, table, name, given=name)
    except DataError as error:
        logger.warning("%s; left out", error)
        return
    options = _options(path.stem, scale) | {
        "size": _PICK_ANGSTROM / scale,
        "face_color": "transparent",
        "border_color": "orange",
        "features": {"score": table.scores, "class": table.particles.pdb_ids},
    }
    yield table.particles.centres.astype(np.float64), options, "points"


def _options(name: str, scale: float) -> dict[str, Any]:
    return {"name": name, "scale": (scale,) * 3, "units": ("angstrom",) * 3}


def _probability(voxels: NDArray[Any], name: str, scale: float) -> Layer:
    shown = {"colormap": "magma", "contrast_limits": (0.0, 1.0), "opacity": 0.5}
    return voxels, _options(name, scale) | shown | {"blending": "additive"}, "image"


def _labels(voxels: NDArray[Any], name: str, scale: float) -> Layer:
    return voxels.astype(np.int32), _options(name, scale) | {"opacity": 0.5}, "labels"
