"""Training on files: shards and a split in, weights, history and record of the run out."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from ssn3d import __version__
from ssn3d.core.classes import CLASSES
from ssn3d.core.device import gpu_names
from ssn3d.core.errors import DataError
from ssn3d.core.log import logger
from ssn3d.io.files import PathLike, sha256_of
from ssn3d.io.tables import write_csv
from ssn3d.io.text_files import listed
from ssn3d.segmentation.evaluation.run_io import run_names, write_run_record
from ssn3d.segmentation.networks.registry import architecture, capacity
from ssn3d.segmentation.settings import TrainingSettings
from ssn3d.segmentation.training.checkpoint import write_tensors
from ssn3d.segmentation.training.distributed import Ranks
from ssn3d.segmentation.training.train import TrainingResult, train
from ssn3d.subtomograms.steps import read_dataset


def train_run(
    shards: Sequence[PathLike],
    split: PathLike,
    network: str,
    settings: TrainingSettings,
    seed: int,
    *,
    weights: PathLike,
    history: PathLike,
    record: PathLike,
    checkpoint: PathLike,
    repeat: str = "",
    ranks: Ranks | None = None,
) -> None:
    """Train a network on the train rows of a split; write weights.pt, history.csv and run.json.

    The weights are those of the best epoch. Training resumes from `checkpoint`, deleted at the end.
    All processes (`ranks`) train, the first writes. A `repeat` (`runs.repeats`) changes initial
    weights, order and dropout alone. Raises DataError or CheckpointError for damaged files.
    """
    dataset, rows = read_dataset(shards, split, ("train", "validation"))
    names = run_names(network, dataset, split, repeat)
    target = dataset.shards[0].origin.target
    check_classes(network, target, settings.class_weights)
    trained_on = {
        "shards_sha256": dataset.digests,
        "split_sha256": sha256_of(split),
        "target": "all" if target == "classes" else target,
        "classes": list(CLASSES[: architecture(network).classes]),
        "standardised": "tomogram" if target == "classes" else "tile",
        "voxel_size_angstrom": dataset.voxel_size_angstrom,
        "size_voxels": dataset.size_voxels,
    }
    result = train(
        dataset,
        rows["train"],
        rows["validation"],
        network,
        settings=settings,
        seed=seed,
        run_name="/".join(names.values()),
        checkpoint_path=Path(checkpoint),
        ranks=ranks,
    )
    if ranks and not ranks.is_first:
        return
    content = _weights_content(result, names, settings, seed) | trained_on | {"ssn3d": __version__}
    write_tensors(weights, content)  # without dates, so that equal trainings give equal bytes
    write_csv(history, result.history)
    outcome, used, gpus = _outcome(result, settings), settings.model_dump(), gpu_names()
    write_run_record(record, names, outcome, (dataset, rows), seed=seed, settings=used, gpus=gpus)
    Path(checkpoint).unlink(missing_ok=True)
    logger.info("%s: best epoch %d of %d", network, result.best_epoch, len(result.history))


def check_classes(network: str, target: str, weighted: Collection[str]) -> None:
    """Raise DataError if a network has other classes than the masks, or lacks weighted ones."""
    there = len(CLASSES) if target == "classes" else 2
    own = architecture(network).classes
    if own != there:
        raise DataError(
            f"network: {network!r} has {own} classes, the masks have {there} "
            f"(subtomograms.target: {target}); choose another network or target"
        )
    names = [*CLASSES[:own]]
    for name in weighted:
        if name not in names:
            raise DataError(
                f"training.class_weights: {network!r} has no {name}, only {listed(names)}; "
                "weigh these"
            )


def _weights_content(
    result: TrainingResult, names: dict[str, str], settings: TrainingSettings, seed: int
) -> dict[str, Any]:
    """Content of weights.pt, but for the training data and the version."""
    return {
        "network": names["method"],
        "weights": {name: w.cpu().contiguous() for name, w in result.network.state_dict().items()},
        "run": names,
        "best_epoch": result.best_epoch,
        "micro_batch_size": result.micro_batch_size,
        "precision": result.precision,
        "settings": settings.model_dump(),
        "seed": seed,
    }


def _outcome(result: TrainingResult, settings: TrainingSettings) -> dict[str, Any]:
    """Results of a training for run.json."""
    return {
        "capacity": capacity(result.network),
        "epochs": len(result.history),
        "best_epoch": result.best_epoch,
        "stopped": result.stopped,
        "training_seconds": result.seconds,
        "micro_batch_size": result.micro_batch_size,
        "device": result.device,
        "precision": result.precision,
        "settings": settings.model_dump(),
    }
