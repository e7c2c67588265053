"""Subtomograms with masks, on disk or in memory: the input of training and prediction."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ssn3d.core.classes import CLASSES
from ssn3d.core.errors import DataError
from ssn3d.core.provenance import fingerprint

Rows = NDArray[np.integer[Any]]


class Samples(Protocol):
    """Subtomograms with masks that are read on demand."""

    @property
    def size_voxels(self) -> int:
        """Edge of a subtomogram."""

    def __len__(self) -> int: ...

    @property
    def digests(self) -> Mapping[str, str]:
        """SHA-256 of the content, in parts."""

    def read(self, rows: Rows) -> tuple[NDArray[np.float16], NDArray[np.uint8]]:
        """Images and masks (m, s, s, s) at `rows` (m,), in that order."""


@dataclass(frozen=True)
class Arrays:
    """Subtomograms in memory."""

    images: NDArray[Any]
    """(n, s, s, s), each of mean 0 and standard deviation 1."""
    masks: NDArray[np.uint8]
    """(n, s, s, s) of 0 and 1, or numbers of classes."""

    def __post_init__(self) -> None:
        """Raise DataError unless images and masks are finite cubes of one shape."""
        shape = self.images.shape
        if self.masks.shape != shape or len(shape) != 4 or len(set(shape[1:])) != 1:  # noqa: PLR2004 -- n cubes
            shapes = f"images {shape} and masks {self.masks.shape}"
            raise DataError(f"{shapes} must both be of one shape (n, s, s, s)")
        if not np.isfinite(self.images).all() or self.masks.max(initial=0) >= len(CLASSES):
            raise DataError(
                f"images hold NaN or infinity, or masks values above {len(CLASSES) - 1}"
            )

    @property
    def size_voxels(self) -> int:
        """Edge of a subtomogram."""
        return int(self.images.shape[-1])

    @property
    def digests(self) -> dict[str, str]:
        """SHA-256 of images and masks."""
        return {"arrays": fingerprint({}, self.images, self.masks)}

    def __len__(self) -> int:
        return len(self.images)

    def read(self, rows: Rows) -> tuple[NDArray[Any], NDArray[np.uint8]]:
        """Images and masks (m, s, s, s) at `rows` (m,)."""
        return self.images[rows], self.masks[rows]


def groups_of(rows: Rows, size: int = 64) -> list[NDArray[np.int64]]:
    """Split rows into groups of `size`, to be read one after another; the last may be smaller."""
    numbers = np.asarray(rows, dtype=np.int64)
    return [numbers[start : start + size] for start in range(0, len(numbers), size)]
