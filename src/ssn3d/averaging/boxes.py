"""Boxes cut around particles, and maps fitted to boxes, with their contrast."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssn3d.core.cubes import crop, crop_corners, lies_inside, nearest_voxels
from ssn3d.core.errors import DataError
from ssn3d.core.log import logger

FEWEST = 4
"""Minimum number of particles of an average: two in each half set."""


@dataclass(frozen=True)
class Boxes:
    """Cubes cut around particles."""

    rows: NDArray[np.int_]
    """(n,) rows of the particles whose box lies in the tomogram."""
    images: NDArray[np.float32]
    """(n, s, s, s); of mean 0 and standard deviation 1 each, once `usable`."""
    masks: NDArray[np.bool_] | None
    """(n, s, s, s), segmentation masks; None without labels."""
    middles: NDArray[np.int_]
    """(n, 3) voxel of the tomogram at voxel s // 2 of the box, z, y, x."""


def cut_boxes(
    volume: NDArray[np.float32],
    centres: NDArray[np.float64],
    size: int,
    labels: NDArray[np.integer] | None = None,
) -> Boxes:
    """Cut a box around each centre (n, 3), z, y, x in voxels, if it lies in the volume (z, y, x).

    Label i + 1 is the mask of centre i. Particles without a voxel of their label, and constant
    boxes, are left out.

    Raises DataError if labels and volume differ in shape, or fewer than four boxes are left.
    """
    if labels is not None and labels.shape != volume.shape:
        raise DataError(
            f"masks of shape {labels.shape} for a tomogram of shape {volume.shape}; give labels of "
            "the tomogram's shape"
        )
    corners = crop_corners(centres, size)
    reason = f"leave the tomogram with their box of {size}^3 voxels"
    rows = _kept(np.arange(len(centres)), lies_inside(centres, size, volume.shape), reason)
    images = [crop(volume, corners[row], size) for row in rows]
    masks = None
    if labels is not None:
        masks = np.array([crop(labels, corners[row], size) == row + 1 for row in rows])
    cubes = np.reshape(images, (-1, size, size, size))
    return usable(Boxes(rows, cubes, masks, nearest_voxels(centres[rows])), len(centres))


def usable(boxes: Boxes, given: int) -> Boxes:
    """Leave out boxes without a voxel of their mask, and constant ones; standardise the others.

    Raises DataError if fewer than four are left of the particles given.
    """
    kept = np.arange(len(boxes.rows))
    if boxes.masks is not None:
        kept = _kept(kept, [mask.any() for mask in boxes.masks], "have no voxel in the masks")
    varied = [np.ptp(image) > 0 for image in boxes.images[kept]]
    kept = _kept(kept, varied, "lie where the tomogram is constant")
    if len(kept) < FEWEST:
        raise DataError(
            f"{len(kept)} of {given} particles can be averaged; give at least {FEWEST}, farther "
            f"than {boxes.images.shape[-1] // 2} voxels from the tomogram's borders and from where "
            "it is constant"
        )
    masks = None if boxes.masks is None else boxes.masks[kept]
    images = _standardised(boxes.images[kept])
    return Boxes(boxes.rows[kept], images, masks, boxes.middles[kept])


def _kept(rows: NDArray[np.int_], keep: ArrayLike, reason: str) -> NDArray[np.int_]:
    """Select rows (n,) where `keep` (n,) is true, and log how many are left out."""
    kept: NDArray[np.int_] = rows[np.asarray(keep, dtype=bool)]
    if len(kept) < len(rows):
        logger.warning("%d particles %s; left out", len(rows) - len(kept), reason)
    return kept


def _standardised(images: NDArray[np.floating]) -> NDArray[np.float32]:
    """Scale each image to mean 0 and standard deviation 1; none may be constant."""
    images = images.astype(np.float32)
    images -= images.mean(axis=(1, 2, 3), keepdims=True)
    spread = images.std(axis=(1, 2, 3), keepdims=True)
    return np.asarray(images / spread)


def fit_map(volume: NDArray[np.floating], size: int) -> NDArray[np.float32]:
    """Crop a map about its voxels n // 2, or pad it with the mean of its faces, to a cube."""
    faces = [volume.take(end, axis=axis).ravel() for axis in range(3) for end in (0, -1)]
    cube = np.full((size,) * 3, np.concatenate(faces).mean(), dtype=np.float32)
    low = [size // 2 - n // 2 for n in volume.shape]
    target = tuple(slice(max(a, 0), a + n) for a, n in zip(low, volume.shape, strict=True))
    source = tuple(slice(max(-a, 0), size - a) for a in low)
    cube[target] = volume[source]
    return cube


def with_dark_protein(
    volume: NDArray[np.float32], sphere: NDArray[np.float32]
) -> tuple[NDArray[np.float32], bool]:
    """Negate a map (s, s, s) if it is brighter inside a sphere than outside; True if it was."""
    inside, outside = (float((volume * w).sum() / w.sum()) for w in (sphere, 1 - sphere))
    return (-volume, True) if inside > outside else (volume, False)
