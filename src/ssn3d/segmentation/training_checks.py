"""What a training cannot go on with: unusable data, and a loss that is no number."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssn3d.errors import ConfigError, DataError


def check_training_data(
    images: NDArray[Any],
    masks: NDArray[Any],
    train_rows: NDArray[np.integer[Any]],
    validation_rows: NDArray[np.integer[Any]],
    name: str,
) -> None:
    """Raise DataError unless there is something sensible to train on."""
    if images.shape != masks.shape or images.ndim != 4 or len(set(images.shape[1:])) != 1:  # noqa: PLR2004 -- n cubes
        message = f"{name}: images {images.shape} and masks {masks.shape} are not (n, s, s, s) both"
        raise DataError(message)
    for part, rows in {"train": train_rows, "validation": validation_rows}.items():
        if not len(rows):
            message = f"{name}: the {part} set is empty; ask for more subtomograms"
            raise DataError(message)
        if rows.min() < 0 or rows.max() >= len(images):
            message = f"{name}: the {part} set has rows beyond the {len(images)} subtomograms; "
            raise DataError(message + "the split is of another dataset, make it again")
    if np.intersect1d(train_rows, validation_rows).size:
        raise DataError(f"{name}: subtomograms are both in the train and the validation set")
    if not np.isfinite(images).all() or masks.max() > 1:
        raise DataError(f"{name}: images hold NaN or infinity, or masks more than 0 and 1")


def check_finite(loss: float, name: str, epoch: int) -> None:
    """Raise ConfigError where the training has diverged."""
    if not math.isfinite(loss):
        message = (
            f"{name}: the loss is {loss} in epoch {epoch}; lower "
            "training.learning_rate, or set training.precision to float32"
        )
        raise ConfigError(message)
