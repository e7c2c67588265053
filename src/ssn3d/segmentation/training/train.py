"""Training of a network: subtomograms and masks in, the weights of the best epoch out.

As in the paper: Adam, cross-entropy without class weights, batches of 128, early stopping by the
validation pixel accuracy (`epochs`). A batch is accumulated from micro-batches, by one process or
several (`distributed`), which changes nothing but rounding. The same seed gives the same bytes for
the same micro-batch size, machine, number of processes and of threads.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ssn3d.core.log import logger
from ssn3d.core.provenance import fingerprint
from ssn3d.core.seeds import generator
from ssn3d.io.files import sha256_of
from ssn3d.models.card import weights_path
from ssn3d.segmentation.evaluation.metrics import mean_scores
from ssn3d.segmentation.inference.compute import Compute, reproducible, torch_generator
from ssn3d.segmentation.networks.calibrate import calibrate_scales
from ssn3d.segmentation.settings import TrainingSettings
from ssn3d.segmentation.training.batches import Batch, Source
from ssn3d.segmentation.training.distributed import Ranks
from ssn3d.segmentation.training.epochs import best_epoch, progress_bar, report_epoch, stop_reason
from ssn3d.segmentation.training.first_weights import first_network
from ssn3d.segmentation.training.losses import learning_rate, training_loss
from ssn3d.segmentation.training.training_state import Progress, Training, copy_weights, save, start
from ssn3d.segmentation.training.validation import (
    background_percent,
    check_finite,
    check_rows,
    validate,
)
from ssn3d.subtomograms.samples import Samples, groups_of

CALIBRATED_ON = 32
"""Subtomograms by which the scales of a network without normalisation get their first values."""
CHECKPOINT_SECONDS = 600.0
"""Time between checkpoints within an epoch; each epoch ends with one."""


@dataclass(frozen=True)
class TrainingResult:
    """A trained network and its history."""

    network: nn.Module
    """On its device, in evaluation mode, with the weights of the best epoch."""
    history: pd.DataFrame
    """One row per epoch, the columns of `epochs.History`."""
    best_epoch: int
    """First epoch (from 1) with the highest validation pixel accuracy."""
    stopped: str
    """Reason: "patience" or "epochs"."""
    seconds: float
    """Time of all epochs, including those before a resumption."""
    micro_batch_size: int
    device: str
    precision: str


def train(
    samples: Samples,
    train_rows: NDArray[np.integer[Any]],
    validation_rows: NDArray[np.integer[Any]],
    network_name: str,
    *,
    settings: TrainingSettings,
    seed: int,
    run_name: str,
    checkpoint_path: Path | None = None,
    ranks: Ranks | None = None,
) -> TrainingResult:
    """Train a network of the registry, or resume its training.

    `samples` are on disk (`Dataset`) or in memory (`Arrays`). The rows for validation decide when
    to stop and which epoch is best. `run_name` and `seed` determine initial weights, order and
    dropout. Training resumes bit for bit from the file `checkpoint_path`. `ranks` is this process
    among several that train together.

    Raises:
        DataError: there are no rows to train or validate on, or data are damaged.
        ConfigError: there is no such network, or the loss is NaN or infinite.
        CheckpointError: the checkpoint is damaged, or of another training.
        DeviceError: the device or precision is unavailable, or another process has ended.
    """
    ranks = ranks or Ranks()
    check_rows(samples, train_rows, validation_rows, run_name, ranks.count)
    compute = Compute.for_training(settings.device, settings.precision, samples.size_voxels)
    random = torch_generator(seed, "training", run_name, "weights")
    network, needs_scales = first_network(network_name, settings, random)
    network = compute.place(network)
    rows = [np.asarray(some, dtype=np.int64) for some in (train_rows, validation_rows)]
    names = {"network": network_name, "run": run_name, "seed": seed, "data": samples.digests}
    if settings.start_from is not None:
        names["start"] = sha256_of(weights_path(settings.start_from))
    training = Training(
        name=run_name,
        seed=seed,
        settings=settings,
        compute=compute,
        ranks=ranks,
        source=Source(samples, compute),
        size_voxels=samples.size_voxels,
        train_rows=rows[0],
        validation_rows=rows[1],
        network=network,
        optimiser=_optimiser(network, settings),
        checkpoint_path=checkpoint_path,
        identity=fingerprint(names | settings.model_dump(), *rows),
    )
    training.source.hold(np.concatenate(rows))
    if needs_scales:
        some = np.linspace(0, len(rows[0]) - 1, CALIBRATED_ON).astype(int)
        images, _ = samples.read(rows[0][np.unique(some)])
        calibrate_scales(network, torch.from_numpy(images), compute)
    return _run(training)


def _optimiser(network: nn.Module, settings: TrainingSettings) -> torch.optim.Optimizer:
    """Make the optimiser; `_train_batch` sets the learning rate of each step."""
    return torch.optim.Adam(
        network.parameters(),
        lr=settings.learning_rate,
        betas=(settings.adam_beta1, settings.adam_beta2),
        eps=settings.adam_epsilon,
    )


def _run(training: Training) -> TrainingResult:
    settings, network = training.settings, training.network
    done = start(training)
    history = done.history
    background = background_percent(training.source, training.validation_rows)
    plateau = background + settings.plateau_margin_percent
    stop = partial(stop_reason, history, settings.epochs, settings.patience_epochs, plateau)
    batches = len(groups_of(training.train_rows, settings.batch_size))
    before = len(history) * batches + done.batches
    total, shown = settings.epochs * batches, training.ranks.is_first
    with progress_bar(training.name, total, before, shown=shown) as bar:
        while not (stopped := stop()):
            epoch = len(history) + 1
            _train_epoch(training, done, epoch, bar)
            history.append(_validate(training, done, epoch))
            if best_epoch(history) == epoch:
                done.best_weights = copy_weights(network)
            done.batches, done.loss, done.seconds = 0, 0.0, 0.0
            save(training, done)
            report_epoch(training.name, history, settings.epochs, bar)

    network.load_state_dict(done.best_weights)
    best = history[best_epoch(history) - 1]
    if best["validation_pixel_accuracy"] <= plateau:
        logger.warning(
            "%s: not better than 'all background'; train longer, or with smaller batches",
            training.name,
        )
    return TrainingResult(
        network=network.eval(),
        history=pd.DataFrame(history),
        best_epoch=best["epoch"],
        stopped=stopped,
        seconds=sum(row["seconds"] for row in history),
        micro_batch_size=training.micro_batch_size,
        device=training.compute.device.type,
        precision=training.compute.precision_name,
    )


def _train_epoch(training: Training, done: Progress, epoch: int, bar: Any) -> None:
    """Train on the remaining batches of an epoch."""
    started, rows = time.perf_counter() - done.seconds, training.train_rows
    order = generator(training.seed, "training", training.name, "order", epoch).permutation(rows)
    batches = groups_of(order, training.settings.batch_size)
    left = batches[done.batches :]
    shares = [groups_of(training.ranks.share(b), training.micro_batch_size) for b in left]
    read = training.source.batches([rows for groups in shares for rows in groups])
    # The loss stays on the device: reading it after each batch would make a GPU wait.
    loss = torch.tensor(done.loss, dtype=torch.float64, device=training.compute.device)

    def update_progress() -> None:
        done.loss, done.seconds = float(loss), time.perf_counter() - started
        check_finite(done.loss, training.name, epoch)

    training.network.train()
    saved_at = time.perf_counter()
    with reproducible(training.compute.device):
        for batch, groups in zip(left, shares, strict=True):
            step = (epoch - 1) * len(batches) + done.batches
            micro_batches = (next(read) for _ in groups)
            loss += _train_batch(training, micro_batches, len(batch), step) * len(batch) / len(rows)
            done.batches += 1
            bar.update()
            if time.perf_counter() - saved_at > CHECKPOINT_SECONDS:
                update_progress()
                save(training, done)
                saved_at = time.perf_counter()
    update_progress()


def _train_batch(
    training: Training, micro_batches: Iterable[Batch], size: int, step: int
) -> Tensor:
    """Make one step of the optimiser; return the mean loss of the batch of `size` subtomograms."""
    compute, optimiser = training.compute, training.optimiser
    optimiser.param_groups[0]["lr"] = learning_rate(training.settings, step, training.steps)
    optimiser.zero_grad()
    # Step and process seed the dropout, so that a checkpoint needs no random state.
    keys = ("training", training.name, "dropout", step, training.ranks.rank)
    torch.manual_seed(torch_generator(training.seed, *keys).initial_seed())
    total = torch.zeros((), device=compute.device)
    for images, masks in micro_batches:
        logits = compute.logits(training.network, images)
        loss = training_loss(logits, masks, training.settings, size)
        loss.backward()  # type: ignore[no-untyped-call]
        total += loss.detach()
    total = training.ranks.sum_gradients(training.network, total)
    optimiser.step()
    return total


def _validate(training: Training, done: Progress, epoch: int) -> dict[str, Any]:
    """Compute the scores after an epoch, a row of the history."""
    started, rows = time.perf_counter(), training.validation_rows
    with reproducible(training.compute.device):
        mine = validate(
            training.network,
            training.source,
            training.ranks.share(rows),
            compute=training.compute,
            micro_batch_size=training.micro_batch_size,
        )
    losses, tables = zip(*training.ranks.gather(mine), strict=True)
    loss = sum(losses) / (len(rows) * training.size_voxels**3)
    check_finite(loss, training.name, epoch)
    scores = mean_scores(pd.concat(tables, ignore_index=True))
    return {
        "epoch": epoch,
        "train_loss": done.loss,
        "validation_loss": loss,
        "validation_pixel_accuracy": scores["pixel_accuracy"],
        "validation_miou": scores["miou"],
        "learning_rate": training.optimiser.param_groups[0]["lr"],
        "seconds": done.seconds + time.perf_counter() - started,
    }
