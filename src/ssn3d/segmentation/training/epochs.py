"""Best epoch and early stopping of a training, its progress bar and log.

"All background" is right for some 98% of the voxels, and a network can predict it for many epochs
before it finds the particles. The paper's patience therefore counts only once an epoch has exceeded
this plateau by a margin.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np
from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from ssn3d.core.log import logger

History = list[dict[str, Any]]
"""One mapping per epoch: epoch (from 1), train_loss, validation_loss, validation_pixel_accuracy and
validation_miou in percent, learning_rate, seconds."""


def best_epoch(history: Sequence[Mapping[str, Any]]) -> int:
    """First epoch (from 1) with the highest validation pixel accuracy."""
    return 1 + int(np.argmax([row["validation_pixel_accuracy"] for row in history]))


def stop_reason(
    history: Sequence[Mapping[str, Any]], epochs: int, patience_epochs: int, plateau_percent: float
) -> str | None:
    """Reason to stop after the epochs in `history`: "patience", "epochs" or None.

    `epochs` is their maximum number. `patience_epochs` without a better validation pixel accuracy
    end the training once an epoch was above `plateau_percent`.
    """
    if history:
        best = best_epoch(history)
        above = history[best - 1]["validation_pixel_accuracy"] > plateau_percent
        if above and len(history) - best >= patience_epochs:
            return "patience"
    return "epochs" if len(history) >= epochs else None


@contextmanager
def progress_bar(
    name: str, batches: int, batches_done: int, *, shown: bool = True
) -> Iterator[Any]:
    """Show a progress bar of batches on a terminal."""
    bar = tqdm(
        desc=name,
        total=batches,
        initial=batches_done,
        unit="batch",
        disable=not (shown and sys.stderr.isatty()),
        leave=False,
    )
    beside_bar = logging_redirect_tqdm([logger]) if logger.handlers else nullcontext()
    with bar, beside_bar:
        yield bar


def report_epoch(name: str, history: History, epochs: int, bar: Any) -> None:
    """Log the results of the last epoch, and the longest remaining time."""
    last = history[-1]
    left = (epochs - len(history)) * float(np.mean([row["seconds"] for row in history]))
    line = (
        f"epoch {last['epoch']}/{epochs}: loss {last['train_loss']:.4f}, validation "
        f"{last['validation_pixel_accuracy']:.2f}%, mIoU {last['validation_miou']:.1f}"
    )
    bar.set_postfix_str(line)
    minutes, seconds = divmod(round(left), 60)
    logger.info("%s: %s, at most %d:%02d min left", name, line, minutes, seconds)
