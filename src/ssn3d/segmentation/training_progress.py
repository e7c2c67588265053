"""What a training shows while it runs: a bar on a terminal, and a line an epoch in the log."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np
from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from ssn3d.log import logger
from ssn3d.segmentation.stopping import History


@contextmanager
def progress_bar(name: str, batches: int, batches_done: int) -> Iterator[Any]:
    """Show a bar of batches on a terminal; the log has a line an epoch in any case."""
    bar = tqdm(
        desc=name,
        total=batches,
        initial=batches_done,
        unit="batch",
        disable=not sys.stderr.isatty(),
        leave=False,
    )
    beside_bar = logging_redirect_tqdm([logger]) if logger.handlers else nullcontext()
    with bar, beside_bar:
        yield bar


def report_epoch(name: str, history: History, epochs: int, bar: Any) -> None:
    """Say how the last of the epochs done went, and how long the rest of `epochs` may take."""
    last = history[-1]
    left = (epochs - len(history)) * float(np.mean([row["seconds"] for row in history]))
    line = (
        f"epoch {last['epoch']}/{epochs}: loss {last['train_loss']:.4f}, validation "
        f"{last['validation_pixel_accuracy']:.2f}%, mIoU {last['validation_miou']:.1f}"
    )
    bar.set_postfix_str(line)
    minutes, seconds = divmod(round(left), 60)
    logger.info("%s: %s, at most %d:%02d min left", name, line, minutes, seconds)
