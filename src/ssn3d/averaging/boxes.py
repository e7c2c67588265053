"""Boxes cut around particles, and maps fitted to boxes, with their contrast."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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
    """(n, s, s, s), each of mean 0 and standard deviation 1."""
    masks: NDArray[np.bool_] | None
    """(n, s, s, s), segmentation masks; None without labels."""
    middles: NDArray[np.int_]
    """(n, 3) voxel of the tomogram at voxel s // 2 of the box, z, y, x."""

    def __getitem__(self, rows: NDArray[np.int_] | NDArray[np.bool_]) -> "Boxes":
        """Select particles."""
        masks = None if self.masks is None else self.masks[rows]
        return Boxes(self.rows[rows], self.images[rows], masks, self.middles[rows])


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
    inside = lies_inside(centres, size, volume.shape)
    _log_missing(int((~inside).sum()), f"leave the tomogram with their box of {size}^3 voxels")
    rows = np.flatnonzero(inside)
    masks = None
    if labels is not None:
        corners = crop_corners(centres[rows], size)
        masks = np.array(
            [crop(labels, c, size) == row + 1 for row, c in zip(rows, corners, strict=True)]
        ).reshape(-1, size, size, size)
        seen = masks.any(axis=(1, 2, 3))
        _log_missing(int((~seen).sum()), "have no voxel in the masks")
        rows, masks = rows[seen], masks[seen]
    images = [crop(volume, c, size) for c in crop_corners(centres[rows], size)]
    varied = np.array([image.min() < image.max() for image in images], dtype=bool)
    _log_missing(int((~varied).sum()), "lie where the tomogram is constant")
    rows, masks = rows[varied], None if masks is None else masks[varied]
    if len(rows) < FEWEST:
        raise DataError(
            f"{len(rows)} of {len(centres)} particles can be averaged; give at least {FEWEST}, "
            f"farther than {size // 2} voxels from the tomogram's borders and from where it is "
            "constant"
        )
    kept = np.array([image for image, chosen in zip(images, varied, strict=True) if chosen])
    return Boxes(rows, _standardised(kept), masks, nearest_voxels(centres[rows]))


def _standardised(images: NDArray[np.floating]) -> NDArray[np.float32]:
    """Scale each image to mean 0 and standard deviation 1; none may be constant."""
    images = images.astype(np.float32)
    images -= images.mean(axis=(1, 2, 3), keepdims=True)
    spread = images.std(axis=(1, 2, 3), keepdims=True)
    return np.asarray(images / spread)


def _log_missing(count: int, why: str) -> None:
    if count:
        logger.warning("%d particles %s; left out", count, why)


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
