"""Made-up data, the memory that a training on it takes, and how fast it is."""

import os
from collections.abc import Sequence
from itertools import repeat
from pathlib import Path

import numpy as np
import torch

from ssn3d.config.experiment import load_config
from ssn3d.core.particles import Particles
from ssn3d.segmentation.settings import TrainingSettings
from ssn3d.segmentation.training.train import TrainingResult, train
from ssn3d.subtomograms.samples import Samples
from ssn3d.subtomograms.store import Dataset, Origin, open_dataset, write_shard

REPOSITORY = Path(__file__).parents[1]
PAPER = load_config(REPOSITORY / "config.yaml")


def reset_peak(device: torch.device) -> None:
    """Restart the measurement of peak memory."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    else:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def peak_gb(device: torch.device) -> float:
    """Peak memory since `reset_peak`: of the GPU, or resident memory of this process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated() / 1e9
    return resident_peak_gb()


def resident_peak_gb() -> float:
    """Peak resident memory of this process."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) * 1024 / 1e9


def write_made_up_shards(folder: Path, tomograms: int, count: int, size: int) -> list[Path]:
    """Write shards of copies of one subtomogram, noise around a ball; those there are are kept."""
    rng = np.random.default_rng(0)
    ball = np.linalg.norm(np.indices((size,) * 3) - size // 2, axis=0) < size / 6
    image = (rng.standard_normal(ball.shape) - ball).astype(np.float16)
    particles = Particles(
        np.full(count, "1KP8"), np.zeros((count, 3)), np.tile(np.eye(3), (count, 1, 1))
    )
    paths = [folder / f"t{number + 1}.h5" for number in range(tomograms)]
    for path in paths:
        if not path.exists():
            write_shard(
                path,
                Origin("A", path.stem, "centred", 0.5, 0.5, 10.0),
                particles,
                np.arange(1, count + 1),
                repeat((image, ball), count),
                size_voxels=size,
                provenance={},
            )
    return paths


def an_epoch(
    samples: Samples, name: str, settings: TrainingSettings, batches: int, checkpoint: Path | None
) -> TrainingResult:
    """Train on some batches of subtomograms drawn from all; validate on as many as a batch has."""
    order = np.random.default_rng(0).permutation(len(samples))
    train_rows, validation_rows, _ = np.split(
        order, [batches * settings.batch_size, (batches + 1) * settings.batch_size]
    )
    return train(
        samples,
        train_rows,
        validation_rows,
        name,
        settings=settings.model_copy(update={"epochs": 1}),
        seed=0,
        run_name="benchmark",
        checkpoint_path=checkpoint,
    )


def open_uncached(paths: Sequence[Path]) -> Dataset:
    """Open shards, none of which is in the system's cache any more, as after a restart."""
    for path in paths:
        with path.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    return open_dataset(paths)
