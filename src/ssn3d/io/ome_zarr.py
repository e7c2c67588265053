"""OME-Zarr images (OME-NGFF 0.1 to 0.5) as volumes."""

import json
import math
from collections.abc import Iterator
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from ssn3d.core.errors import DataError
from ssn3d.core.log import logger
from ssn3d.io.stored_volume import REMAKE, StoredVolume, angstrom_per, unpacked

_SPACE = ["z", "y", "x"]
_DEFAULT_AXES = ["t", "c", "z", "y", "x"]
"""Axes of versions 0.1 and 0.2, which do not name them."""


def open_ome_zarr(path: Path) -> StoredVolume:
    """Open the finest image of OME-Zarr, whose last axes are z, y, x.

    It is decompressed once, to a temporary file.

    Raises:
        DataError: there is none, it is damaged, or it is not a single volume.
        WriteError: there is no room for the decompressed copy.
    """
    if not any((path / name).exists() for name in ("zarr.json", ".zattrs")):
        many = "give one tomogram (many: docs/own_tomograms.md)"
        raise DataError(f"{path}: a folder, but not of OME-Zarr; {many}")
    try:
        import zarr  # noqa: PLC0415 -- optional
    except ModuleNotFoundError:
        raise DataError(f"{path}: to read OME-Zarr, pip install 'ssn3d[zarr]'") from None
    try:
        attributes = _attributes(path)
        image = attributes.get("ome", attributes)["multiscales"][0]
        finest = image["datasets"][0]
        names, units = _axes(image)
        array: Any = zarr.open_array(path / finest["path"], mode="r")
        steps, shifts = _scale_and_shift(image, finest, len(names))
    except (OSError, KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"{path}: not an image of OME-Zarr ({error}); give its folder") from error
    leading = array.shape[:-3]
    if names[-3:] != _SPACE or math.prod(leading) != 1 or len(names) != len(array.shape):
        shape = "x".join(map(str, array.shape))
        raise DataError(f"{path}: axes {', '.join(names)} of {shape}, not one volume of z, y, x")
    if array.dtype.kind not in "biuf":
        raise DataError(f"{path}: its voxels are {array.dtype}, not real numbers")
    _warn_of_missing_chunks(path, array)
    factors = [angstrom_per(unit) for unit in units[-3:]]
    edges = [factor * step for factor, step in zip(factors, steps[-3:], strict=True)]
    origin = [factor * shift for factor, shift in zip(factors, shifts[-3:], strict=True)]
    try:
        content = unpacked(path, _slabs(array))
    except (OSError, RuntimeError, ValueError) as error:
        raise DataError(f"{path}: a chunk is damaged ({error}); {REMAKE}") from error
    size = array.shape[-3:]
    return StoredVolume(
        path,
        partial(content.map, array.dtype, 0, size),
        size,
        tuple(edges[::-1]),  # type: ignore[arg-type]
        tuple(origin[::-1]),  # type: ignore[arg-type]
    )


def _slabs(array: Any) -> Iterator[memoryview]:
    """Read the voxels of a volume, a row of chunks at a time."""
    first, rows = (0,) * (array.ndim - 3), array.chunks[-3]
    for z in range(0, array.shape[-3], rows):
        yield np.ascontiguousarray(array[(*first, slice(z, z + rows))], array.dtype).data


def _attributes(path: Path) -> dict[str, Any]:
    """Read the attributes of a group of Zarr 3 or Zarr 2."""
    newer = path / "zarr.json"
    if newer.exists():
        attributes: dict[str, Any] = json.loads(newer.read_bytes())["attributes"]
    else:
        attributes = json.loads((path / ".zattrs").read_bytes())
    return attributes


def _axes(image: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Names and units of the axes; version 0.3 has names only, older ones have none."""
    axes = image.get("axes", _DEFAULT_AXES)
    named = [{"name": axis} if isinstance(axis, str) else axis for axis in axes]
    return [axis["name"] for axis in named], [axis.get("unit") or "" for axis in named]


def _scale_and_shift(
    image: dict[str, Any], finest: dict[str, Any], count: int
) -> tuple[list[float], list[float]]:
    """Return scale (0 if there is none) and translation of each axis.

    The image's transformations apply to all its datasets, after their own.
    """
    steps, shifts, scaled = [1.0] * count, [0.0] * count, False
    for source in (finest, image):
        for transformation in source.get("coordinateTransformations") or []:
            kind = transformation["type"]
            if kind not in {"scale", "translation"}:
                continue
            values = [float(value) for value in transformation[kind]]
            if len(values) != count:
                raise ValueError(f"a {kind} of {len(values)} numbers for {count} axes")
            if kind == "scale":
                scaled = True
                steps = [a * b for a, b in zip(steps, values, strict=True)]
                shifts = [a * b for a, b in zip(shifts, values, strict=True)]
            else:
                shifts = [a + b for a, b in zip(shifts, values, strict=True)]
    return (steps if scaled else [0.0] * count), shifts


def _warn_of_missing_chunks(path: Path, array: Any) -> None:
    """Warn of chunks without a file, as after a download that stopped.

    This is no error: writers may leave out chunks that hold nothing but the fill value.
    """
    shards = getattr(array, "shards", None) or array.chunks
    counts = [-(-length // size) for length, size in zip(array.shape, shards, strict=True)]
    root, encode = Path(array.store_path.store.root) / array.path, array.metadata.encode_chunk_key
    missing = sum(not (root / encode(place)).exists() for place in product(*map(range, counts)))
    if missing:
        logger.warning(
            "%s: %d of %d chunks are missing and read as %s; if a download stopped, resume it",
            *(path, missing, math.prod(counts), array.fill_value),
        )
