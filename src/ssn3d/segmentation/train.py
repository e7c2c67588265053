"""Training of a network, from arrays to the weights of its best epoch.

The paper's: Adam, categorical cross-entropy without class weights, batches of 128, and an end when
the pixel accuracy on the validation set has not become better for ten epochs (`stopping`).

A batch is accumulated from micro-batches that suit the machine: the mathematics is the same, the
rounding is not. So the same seed gives the same bytes for the same micro-batch size, machine and
number of threads; a number for `micro_batch_size` in the configuration fixes it.
"""

import math
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from ssn3d.errors import ConfigError, DataError
from ssn3d.log import logger
from ssn3d.provenance import fingerprint
from ssn3d.seeds import generator
from ssn3d.segmentation.checkpoint import FINGERPRINT, read_checkpoint, write_tensors
from ssn3d.segmentation.metrics import per_subtomogram_table, summarise
from ssn3d.segmentation.micro_batch import pick_micro_batch_size
from ssn3d.segmentation.networks import build_network
from ssn3d.segmentation.predict import Compute, iterate_logits, reproducible
from ssn3d.segmentation.stopping import History, best_epoch, stop_reason
from ssn3d.segmentation.torch_seeds import torch_generator


@dataclass(frozen=True)
class TrainingSettings:
    """The `training` section of the configuration; the defaults are the paper's experiment."""

    device: str = "auto"
    precision: str = "auto"
    batch_size: int = 128
    micro_batch_size: int | str = "auto"
    epochs: int = 200
    learning_rate: float = 0.001
    adam_beta1: float = 0.9
    adam_beta2: float = 0.99
    adam_epsilon: float = 1e-7
    learning_rate_decay: float = 1e-8
    dropout: float = 0.7
    patience_epochs: int = 10
    plateau_margin_percent: float = 0.05


@dataclass(frozen=True)
class TrainingResult:
    """A trained network, and how it came to be."""

    network: nn.Module
    """With the weights of the best epoch, ready to predict."""
    history: pd.DataFrame
    """One row an epoch, the columns of `stopping.History`."""
    best_epoch: int
    """The first of those with the highest validation pixel accuracy."""
    stopped: str
    """Why: "patience" or "epochs"."""
    seconds: float
    """Of all finished epochs, over all resumptions."""
    micro_batch_size: int
    device: str
    precision: str


@dataclass
class _Training:
    """What one training works with."""

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
    """Train a network of the registry, or go on with its training.

    Args:
        images: (n, s, s, s), standardised, float16 or float32.
        masks: (n, s, s, s) of 0 and 1.
        train_rows: which of them to train on.
        validation_rows: which of them decide when to stop, and which epoch was best.
        network_name: key of the registry.
        settings: the `training` section of the configuration.
        seed: the configuration's seed.
        run_name: singles this training out; initial weights, order and dropout derive from it.
        checkpoint_path: written after every epoch; where the file exists, training resumes from it
            and goes on bit for bit as if it had not been interrupted.

    Raises:
        DataError: no rows to train or validate on, or images and masks that do not fit.
        ConfigError: no such network, or a loss that is no number any more.
        CheckpointError: the checkpoint is damaged, or of another training.
        DeviceError: the device or precision asked for is not there.
    """
    _check_data(images, masks, train_rows, validation_rows, run_name)
    compute = Compute.pick(settings.device, settings.precision)
    weights_generator = torch_generator(seed, "training", run_name, "weights")
    network = compute.place(build_network(network_name, settings.dropout, weights_generator))
    optimiser = torch.optim.Adam(
        network.parameters(),
        lr=settings.learning_rate,
        betas=(settings.adam_beta1, settings.adam_beta2),
        eps=settings.adam_epsilon,
    )
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
        optimiser=optimiser,
    )
    identity = {"network": network_name, "run": run_name, "seed": seed, **asdict(settings)}
    data = (images, masks, train_rows, validation_rows) if checkpoint_path else ()
    return _run(training, checkpoint_path, fingerprint(identity, *data))


def _run(training: _Training, checkpoint_path: Path | None, identity: str) -> TrainingResult:
    """Train epoch after epoch until there is a reason to stop."""
    settings, network = training.settings, training.network
    history: History = []
    best_weights = _copy_weights(network)
    saved = read_checkpoint(checkpoint_path, identity)
    if saved is None:
        training.micro_batch_size = _micro_batch_size(training)
    else:
        network.load_state_dict(saved["weights"])
        training.optimiser.load_state_dict(saved["optimiser"])
        training.micro_batch_size = saved["micro_batch_size"]
        history, best_weights = saved["history"], saved["best_weights"]
        logger.info("%s: resumed after epoch %d", training.name, len(history))

    plateau = _background_percent(training) + settings.plateau_margin_percent
    stop = partial(stop_reason, history, settings.epochs, settings.patience_epochs, plateau)
    with _progress(training, len(history)) as bar:
        while not (stopped := stop()):
            epoch = len(history) + 1
            history.append(_train_epoch(training, epoch, bar))
            if best_epoch(history) == epoch:
                best_weights = _copy_weights(network)
            if checkpoint_path is not None:
                content = {
                    FINGERPRINT: identity,
                    "weights": network.state_dict(),
                    "best_weights": best_weights,
                    "optimiser": training.optimiser.state_dict(),
                    "history": history,
                    "micro_batch_size": training.micro_batch_size,
                }
                write_tensors(checkpoint_path, content)
            _report(training, history, bar)

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


def _train_epoch(training: _Training, epoch: int, bar: Any) -> dict[str, Any]:
    """Train one epoch and validate; a row of the history."""
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
        validation_loss, scores = _validate(training)
    _check_finite(validation_loss, training, epoch)
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
    """Make one step of the optimiser; the mean loss of the batch."""
    compute, network, optimiser = training.compute, training.network, training.optimiser
    optimiser.param_groups[0]["lr"] = learning_rate
    optimiser.zero_grad()
    losses = []
    for rows in torch.split(batch, training.micro_batch_size):
        logits = compute.logits(network, training.images[rows])
        # each voxel weighs the same, whichever micro-batch it is in, the smaller last one too
        loss = _loss_sum(logits, training.masks[rows]) / (len(batch) * training.masks[0].numel())
        loss.backward()  # type: ignore[no-untyped-call]
        losses.append(loss.detach())
    mean_loss = float(torch.stack(losses).sum())
    _check_finite(mean_loss, training, epoch)
    optimiser.step()
    return mean_loss


def _check_finite(loss: float, training: _Training, epoch: int) -> None:
    """Raise ConfigError where the training has diverged."""
    if not math.isfinite(loss):
        message = (
            f"{training.name}: the loss is {loss} in epoch {epoch}; lower "
            "training.learning_rate, or set training.precision to float32"
        )
        raise ConfigError(message)


def _validate(training: _Training) -> tuple[float, dict[str, float]]:
    """Mean loss and the scores of the validation set."""
    rows, loss, predicted = training.validation_rows, 0.0, []
    logits_of_rows = iterate_logits(
        training.network, training.images, rows, training.compute, training.micro_batch_size
    )
    for some, logits in logits_of_rows:
        loss += float(_loss_sum(logits, training.masks[some]))
        predicted.append(logits.argmax(dim=1).to("cpu", torch.uint8).numpy())
    masks = training.masks[torch.from_numpy(rows)].cpu().numpy()
    table = per_subtomogram_table(rows, [""] * len(rows), np.concatenate(predicted), masks)
    return loss / masks.size, summarise(table)


def _background_percent(training: _Training) -> float:
    """Pixel accuracy of the answer "all background" on the validation set."""
    masks = training.masks[torch.from_numpy(training.validation_rows)]
    return 100 * (1 - float(masks.mean(dtype=torch.float64)))


def _loss_sum(logits: Tensor, masks: Tensor) -> Tensor:
    """Cross-entropy summed over voxels; torch's own sum has no fixed order on a GPU."""
    return cross_entropy(logits, masks.to(logits.device, torch.int64), reduction="none").sum()


def _micro_batch_size(training: _Training) -> int:
    """Take the size that the settings give, or measure."""
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
    """Copy the weights as they are now, on the CPU."""
    return {name: weights.cpu().clone() for name, weights in network.state_dict().items()}


def _check_data(
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


@contextmanager
def _progress(training: _Training, epochs_done: int) -> Iterator[Any]:
    """Show a bar of batches on a terminal; the log has a line an epoch in any case."""
    batches = math.ceil(len(training.train_rows) / training.settings.batch_size)
    bar = tqdm(
        desc=training.name,
        total=training.settings.epochs * batches,
        initial=epochs_done * batches,
        unit="batch",
        disable=not sys.stderr.isatty(),
        leave=False,
    )
    beside_bar = logging_redirect_tqdm([logger]) if logger.handlers else nullcontext()
    with bar, beside_bar:
        yield bar


def _report(training: _Training, history: History, bar: Any) -> None:
    """Say how the last epoch went, and how long the rest may take."""
    last, epochs = history[-1], training.settings.epochs
    left = (epochs - len(history)) * float(np.mean([row["seconds"] for row in history]))
    line = (
        f"epoch {last['epoch']}/{epochs}: loss {last['train_loss']:.4f}, validation "
        f"{last['validation_pixel_accuracy']:.2f}%, mIoU {last['validation_miou']:.1f}"
    )
    bar.set_postfix_str(line)
    minutes, seconds = divmod(round(left), 60)
    logger.info("%s: %s, at most %d:%02d min left", training.name, line, minutes, seconds)
