"""State of a training: data, network and progress; from and to a checkpoint."""

from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from ssn3d.core.log import logger
from ssn3d.segmentation.inference.compute import Compute, reproducible
from ssn3d.segmentation.settings import TrainingSettings
from ssn3d.segmentation.training.batches import Rows, Source
from ssn3d.segmentation.training.checkpoint import FINGERPRINT, read_checkpoint, write_tensors
from ssn3d.segmentation.training.distributed import Ranks
from ssn3d.segmentation.training.epochs import History
from ssn3d.segmentation.training.micro_batch import pick_micro_batch_size
from ssn3d.subtomograms.samples import groups_of


@dataclass
class Progress:
    """Finished epochs, and the finished part of the present one."""

    history: History = field(default_factory=list)
    best_weights: dict[str, Tensor] = field(default_factory=dict)
    batches: int = 0
    """Finished batches of the present epoch."""
    loss: float = 0.0
    """Sum of their losses, each weighted by its share of the epoch."""
    seconds: float = 0.0
    """Time that they took."""


@dataclass
class Training:
    """Data, network and settings of one training."""

    name: str
    seed: int
    settings: TrainingSettings
    compute: Compute
    ranks: Ranks
    source: Source
    size_voxels: int
    train_rows: Rows
    validation_rows: Rows
    network: nn.Module
    optimiser: torch.optim.Optimizer
    checkpoint_path: Path | None
    identity: str
    """Fingerprint of network, settings and data, also in the checkpoint."""
    micro_batch_size: int = 0

    @property
    def steps(self) -> int:
        """Maximum number of steps of the optimiser, in all epochs."""
        epoch = len(groups_of(self.train_rows, self.settings.batch_size))
        return self.settings.epochs * epoch


def start(training: Training) -> Progress:
    """Progress so far: none, or that of the checkpoint, which is loaded."""
    saved = read_checkpoint(training.checkpoint_path, training.identity)
    if saved:
        size = saved["micro_batch_size"]
    else:
        size = _micro_batch_size(training) if training.ranks.is_first else 0
    # No process goes on before all have read the checkpoint, which the first may replace.
    training.micro_batch_size = training.ranks.gather(size)[0]
    if saved is None:
        return Progress(best_weights=copy_weights(training.network))
    training.network.load_state_dict(saved["weights"])
    training.optimiser.load_state_dict(saved["optimiser"])
    done = Progress(**saved["progress"])
    place = f"epoch {len(done.history)}" + (f" and {done.batches} batches" if done.batches else "")
    logger.info("%s: resumed after %s", training.name, place)
    return done


def save(training: Training, done: Progress) -> None:
    """Write a checkpoint, from which the training resumes bit for bit."""
    if training.checkpoint_path is None or not training.ranks.is_first:
        return
    content = {
        FINGERPRINT: training.identity,
        "weights": training.network.state_dict(),
        "optimiser": training.optimiser.state_dict(),
        "progress": vars(done),
        "micro_batch_size": training.micro_batch_size,
    }
    write_tensors(training.checkpoint_path, content)


def _micro_batch_size(training: Training) -> int:
    """Micro-batch size in the settings, or the fastest as measured."""
    size, batch_size = training.settings.micro_batch_size, training.settings.batch_size
    largest = min(batch_size, len(training.train_rows))
    if isinstance(size, int):
        return min(size, largest)
    with reproducible(training.compute.device):
        size = pick_micro_batch_size(
            training.network, training.compute, training.size_voxels, largest
        )
    logger.info("%s: micro-batches of %d subtomograms", training.name, size)
    return size


def copy_weights(network: nn.Module) -> dict[str, Tensor]:
    """Copy a network's weights to the CPU."""
    return {name: weights.cpu().clone() for name, weights in network.state_dict().items()}
