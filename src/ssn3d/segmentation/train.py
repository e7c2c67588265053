"""Training of a network, from arrays to the weights of its best epoch.

As in the paper: Adam, categorical cross-entropy without class weights, batches of 128; training
ends when the pixel accuracy on the validation set has not improved for ten epochs (`epochs`).

A batch is accumulated from micro-batches that suit the machine, which changes nothing but rounding.
The same seed gives the same bytes for the same micro-batch size, machine and number of threads; a
number for `micro_batch_size` in the configuration fixes it.
"""

import math
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ssn3d.log import logger
from ssn3d.provenance import fingerprint
from ssn3d.seeds import generator
from ssn3d.segmentation.checkpoint import FINGERPRINT, read_checkpoint, write_tensors
from ssn3d.segmentation.compute import Compute, reproducible, torch_generator
from ssn3d.segmentation.epochs import History, best_epoch, progress_bar, report_epoch, stop_reason
from ssn3d.segmentation.micro_batch import pick_micro_batch_size
from ssn3d.segmentation.networks import build_network
from ssn3d.segmentation.settings import TrainingSettings
from ssn3d.segmentation.validation import (
    background_percent,
    check_finite,
    check_training_data,
    loss_sum,
    validate,
)


@dataclass(frozen=True)
class TrainingResult:
    """A trained network, and how it was trained."""

    network: nn.Module
    """With the weights of the best epoch, ready to predict."""
    history: pd.DataFrame
    """One row an epoch, the columns of `epochs.History`."""
    best_epoch: int
    """The first of those with the highest validation pixel accuracy."""
    stopped: str
    """Why: "patience" or "epochs"."""
    seconds: float
    """Of all finished epochs, including those before a resumption."""
    micro_batch_size: int
    device: str
    precision: str


@dataclass
class _Training:
    """Data, network and settings of one training."""

    name: str
    seed: int
    settings: TrainingSettings
    compute: Compute
    images: Tensor
    masks: Tensor
    train_rows: NDArray[np.integer[Any]]
    validation_rows: NDArray[np.integer[Any]]
    network: nn.Module
    optimiser: torch.optim.Optimizer
    micro_batch_size: int = 0


def train(
    images: NDArray[Any],
    masks: NDArray[np.uint8],
    train_rows: NDArray[np.integer[Any]],
    validation_rows: NDArray[np.integer[Any]],
    network_name: str,
    *,
    settings: TrainingSettings,
    seed: int,
    run_name: str,
    checkpoint_path: Path | None = None,
) -> TrainingResult:
    """Train a network of the registry, or resume its training.

    Args:
        images: (n, s, s, s), standardised, float16 or float32.
        masks: (n, s, s, s) of 0 and 1.
        train_rows: which of them to train on.
        validation_rows: which of them decide when to stop, and which epoch was best.
        network_name: key of the registry.
        settings: how to train.
        seed: the configuration's seed.
        run_name: with `seed`, it seeds initial weights, order and dropout.
        checkpoint_path: written after every epoch; training resumes from it, bit for bit.

    Raises:
        DataError: no rows to train or validate on, or images and masks that do not match.
        ConfigError: no such network, or a loss that is NaN or infinite.
        CheckpointError: the checkpoint is damaged, or of another training.
        DeviceError: the device or precision is unavailable.
    """
    check_training_data(images, masks, train_rows, validation_rows, run_name)
    compute = Compute.pick(settings.device, settings.precision)
    weights_generator = torch_generator(seed, "training", run_name, "weights")
    network = compute.place(build_network(network_name, settings.dropout, weights_generator))
    training = _Training(
        name=run_name,
        seed=seed,
        settings=settings,
        compute=compute,
        images=compute.hold(np.ascontiguousarray(images)),
        masks=compute.hold(np.ascontiguousarray(masks)),
        train_rows=np.asarray(train_rows, dtype=np.int64),
        validation_rows=np.asarray(validation_rows, dtype=np.int64),
        network=network,
        optimiser=_optimiser(network, settings),
    )
    identity = {"network": network_name, "run": run_name, "seed": seed, **settings.model_dump()}
    data = (images, masks, train_rows, validation_rows) if checkpoint_path else ()
    return _run(training, checkpoint_path, fingerprint(identity, *data))


def _optimiser(network: nn.Module, settings: TrainingSettings) -> torch.optim.Optimizer:
    """Adam; `_train_batch` sets the learning rate of each step."""
    return torch.optim.Adam(
        network.parameters(),
        lr=settings.learning_rate,
        betas=(settings.adam_beta1, settings.adam_beta2),
        eps=settings.adam_epsilon,
    )


def _run(training: _Training, checkpoint_path: Path | None, identity: str) -> TrainingResult:
    """Train epoch by epoch until there is a reason to stop."""
    settings, network = training.settings, training.network
    history, best_weights = _start(training, checkpoint_path, identity)
    background = background_percent(training.masks, training.validation_rows)
    plateau = background + settings.plateau_margin_percent
    stop = partial(stop_reason, history, settings.epochs, settings.patience_epochs, plateau)
    batches = math.ceil(len(training.train_rows) / settings.batch_size)
    with progress_bar(training.name, settings.epochs * batches, len(history) * batches) as bar:
        while not (stopped := stop()):
            epoch = len(history) + 1
            history.append(_train_epoch(training, epoch, bar))
            if best_epoch(history) == epoch:
                best_weights = _copy_weights(network)
            if checkpoint_path is not None:
                _save(training, checkpoint_path, identity, history, best_weights)
            report_epoch(training.name, history, settings.epochs, bar)

    network.load_state_dict(best_weights)
    best = history[best_epoch(history) - 1]
    if best["validation_pixel_accuracy"] <= plateau:
        logger.warning(
            "%s: no better than 'all background'; train longer, or with smaller batches",
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


def _start(
    training: _Training, checkpoint_path: Path | None, identity: str
) -> tuple[History, dict[str, Tensor]]:
    """The epochs so far and their best weights, from a checkpoint if there is one."""
    saved = read_checkpoint(checkpoint_path, identity)
    if saved is None:
        training.micro_batch_size = _micro_batch_size(training)
        return [], _copy_weights(training.network)
    training.network.load_state_dict(saved["weights"])
    training.optimiser.load_state_dict(saved["optimiser"])
    training.micro_batch_size = saved["micro_batch_size"]
    logger.info("%s: resumed after epoch %d", training.name, len(saved["history"]))
    return saved["history"], saved["best_weights"]


def _save(
    training: _Training,
    checkpoint_path: Path,
    identity: str,
    history: History,
    best_weights: dict[str, Tensor],
) -> None:
    """Write all that is needed to resume as if the training had not been interrupted."""
    content = {
        FINGERPRINT: identity,
        "weights": training.network.state_dict(),
        "best_weights": best_weights,
        "optimiser": training.optimiser.state_dict(),
        "history": history,
        "micro_batch_size": training.micro_batch_size,
    }
    write_tensors(checkpoint_path, content)


def _train_epoch(training: _Training, epoch: int, bar: Any) -> dict[str, Any]:
    """Train one epoch and validate; return a row of the history."""
    started = time.perf_counter()
    settings, rows = training.settings, training.train_rows
    order = generator(training.seed, "training", training.name, "order", epoch).permutation(rows)
    batches = torch.split(torch.from_numpy(order), settings.batch_size)
    dropout = torch_generator(training.seed, "training", training.name, "dropout", epoch)
    loss, rate = 0.0, settings.learning_rate
    training.network.train()
    with reproducible(training.compute.device, dropout.initial_seed()):
        for i, batch in enumerate(batches):
            step = (epoch - 1) * len(batches) + i
            rate = settings.learning_rate / (1 + settings.learning_rate_decay * step)
            loss += _train_batch(training, batch, rate, epoch) * len(batch) / len(rows)
            bar.update()
        validation_loss, scores = validate(
            training.network,
            training.images,
            training.masks,
            training.validation_rows,
            compute=training.compute,
            micro_batch_size=training.micro_batch_size,
        )
    check_finite(validation_loss, training.name, epoch)
    return {
        "epoch": epoch,
        "train_loss": loss,
        "validation_loss": validation_loss,
        "validation_pixel_accuracy": scores["pixel_accuracy"],
        "validation_miou": scores["miou"],
        "learning_rate": rate,
        "seconds": time.perf_counter() - started,
    }


def _train_batch(training: _Training, batch: Tensor, learning_rate: float, epoch: int) -> float:
    """Make one step of the optimiser; return the mean loss of the batch."""
    compute, network, optimiser = training.compute, training.network, training.optimiser
    optimiser.param_groups[0]["lr"] = learning_rate
    optimiser.zero_grad()
    losses = []
    for rows in torch.split(batch, training.micro_batch_size):
        logits = compute.logits(network, training.images[rows])
        # each voxel has the same weight, also in a smaller last micro-batch
        loss = loss_sum(logits, training.masks[rows]) / (len(batch) * training.masks[0].numel())
        loss.backward()  # type: ignore[no-untyped-call]
        losses.append(loss.detach())
    mean_loss = float(torch.stack(losses).sum())
    check_finite(mean_loss, training.name, epoch)
    optimiser.step()
    return mean_loss


def _micro_batch_size(training: _Training) -> int:
    """The size in the settings, or the fastest as measured."""
    asked, batch_size = training.settings.micro_batch_size, training.settings.batch_size
    largest = min(batch_size, len(training.train_rows))
    if isinstance(asked, int):
        return min(asked, largest)
    with reproducible(training.compute.device, seed=0):
        size = pick_micro_batch_size(
            training.network, training.compute, training.images.shape[-1], largest
        )
    logger.info("%s: micro-batches of %d, as measured", training.name, size)
    return size


def _copy_weights(network: nn.Module) -> dict[str, Tensor]:
    """Copy the present weights to the CPU."""
    return {name: weights.cpu().clone() for name, weights in network.state_dict().items()}
