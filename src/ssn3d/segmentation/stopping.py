"""Which epoch was the best, and when a training ends.

"All background" is right for some 98% of the voxels, and a network can give that answer for many
epochs before it finds the particles. The count of epochs without a better accuracy starts with the
first epoch that beats this plateau by a margin; until then only the number of epochs ends a
training. From then on the count is the paper's.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

History = list[dict[str, Any]]
"""One mapping an epoch: epoch (from 1), train_loss, validation_loss, validation_pixel_accuracy and
validation_miou in percent, learning_rate, seconds."""


def best_epoch(history: Sequence[Mapping[str, Any]]) -> int:
    """First epoch (from 1) of the highest validation pixel accuracy."""
    return 1 + int(np.argmax([row["validation_pixel_accuracy"] for row in history]))


def stop_reason(
    history: Sequence[Mapping[str, Any]], epochs: int, patience_epochs: int, plateau_percent: float
) -> str | None:
    """Say whether to stop after the epochs in `history`, and why: "patience", "epochs" or None.

    Args:
        history: the epochs so far.
        epochs: as many at most.
        patience_epochs: so many without a better validation pixel accuracy end the training ...
        plateau_percent: ... once there was one above this.
    """
    if history:
        best = best_epoch(history)
        above = history[best - 1]["validation_pixel_accuracy"] > plateau_percent
        if above and len(history) - best >= patience_epochs:
            return "patience"
    return "epochs" if len(history) >= epochs else None
