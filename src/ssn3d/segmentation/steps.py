"""The segmentation stage on files: a dataset and a split in, weights, masks and scores out."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ssn3d import __version__
from ssn3d.csv_files import write_csv
from ssn3d.device import gpu_names, own_gpu
from ssn3d.errors import DataError
from ssn3d.log import logger
from ssn3d.segmentation.checkpoint import write_tensors
from ssn3d.segmentation.compute import Compute
from ssn3d.segmentation.metrics import ceiling_miou, per_subtomogram_table, summarise
from ssn3d.segmentation.networks import NETWORKS, capacity
from ssn3d.segmentation.predict import load_network, predict_masks
from ssn3d.segmentation.run_files import run_names, write_predictions, write_run_record
from ssn3d.segmentation.settings import TrainingSettings
from ssn3d.segmentation.train import TrainingResult, train
from ssn3d.subtomograms.steps import read_dataset
from ssn3d.subtomograms.store import Subtomograms

PathLike = str | os.PathLike[str]


def train_run(
    dataset: PathLike,
    split: PathLike,
    network: str,
    settings: TrainingSettings,
    seed: int,
    *,
    weights: PathLike,
    history: PathLike,
    record: PathLike,
    checkpoint: PathLike,
    trainings_per_gpu: int = 1,
) -> None:
    """Train a network on the train rows of a split; write weights.pt, history.csv and run.json.

    `dataset` and `split` are files. An interrupted training resumes from `checkpoint`, which is
    deleted once the outputs are written. The weights are those of the best epoch. On CUDA it waits
    for a GPU with fewer than `trainings_per_gpu` jobs of this user.

    Raises:
        DataError: dataset or split is damaged, or they do not match.
        CheckpointError: the checkpoint is damaged, or of another training.
    """
    subtomograms, rows = read_dataset(dataset, split)
    names = run_names(network, subtomograms, split)
    with own_gpu(settings.device, trainings_per_gpu):
        result = train(
            subtomograms.images,
            subtomograms.masks,
            rows["train"],
            rows["validation"],
            network,
            settings=settings,
            seed=seed,
            run_name="/".join(names.values()),
            checkpoint_path=Path(checkpoint),
        )
    content = _weights_content(result, names, settings, seed, subtomograms.sha256)
    write_tensors(weights, content)  # without dates, so that equal trainings give equal bytes
    write_csv(history, result.history)
    test_masks = subtomograms.masks[rows["test"]]
    outcome = _training_outcome(result) | {
        "ceiling_miou": ceiling_miou(test_masks, NETWORKS[network].block),
        "settings": settings.model_dump(),
    }
    data = (subtomograms, rows)
    made: dict[str, Any] = {"seed": seed, "settings": settings.model_dump()}
    write_run_record(record, names, outcome, data, **made, gpus=gpu_names())
    Path(checkpoint).unlink(missing_ok=True)
    logger.info("%s: best epoch %d of %d", network, result.best_epoch, len(result.history))


def _training_outcome(result: TrainingResult) -> dict[str, Any]:
    """The results of a training in run.json."""
    return {
        "capacity": capacity(result.network),
        "epochs": len(result.history),
        "best_epoch": result.best_epoch,
        "stopped": result.stopped,
        "training_seconds": result.seconds,
        "micro_batch_size": result.micro_batch_size,
        "device": result.device,
        "precision": result.precision,
    }


def _weights_content(
    result: TrainingResult,
    names: Mapping[str, str],
    settings: TrainingSettings,
    seed: int,
    dataset_sha256: str,
) -> dict[str, Any]:
    """Content of weights.pt: the weights, and on what and how they were trained."""
    return {
        "network": names["method"],
        "weights": {name: w.cpu().contiguous() for name, w in result.network.state_dict().items()},
        "run": dict(names),
        "best_epoch": result.best_epoch,
        "micro_batch_size": result.micro_batch_size,
        "precision": result.precision,
        "settings": settings.model_dump(),
        "seed": seed,
        "dataset_sha256": dataset_sha256,
        "ssn3d": __version__,
    }


def evaluate_run(
    dataset: PathLike,
    split: PathLike,
    weights: PathLike,
    device: str,
    *,
    per_subtomogram: PathLike,
    predictions: PathLike,
    trainings_per_gpu: int = 1,
) -> dict[str, float]:
    """Segment the test rows of a split; write per_subtomogram.csv and predictions.h5.

    The precision is that of the training; GPUs are shared as in `train_run`. Returns the result of
    `metrics.summarise`, in percent.

    Raises:
        DataError: dataset or split is damaged, they do not match, or the weights were trained on
            others.
        CheckpointError: the weights are damaged.
    """
    network, description = load_network(weights)
    subtomograms, rows = read_dataset(dataset, split)
    _check_weights(weights, description, dataset, split, subtomograms)
    test = rows["test"]
    with own_gpu(device, trainings_per_gpu):
        compute = Compute.pick(device, description["precision"])
        masks = predict_masks(compute.place(network), subtomograms.images, test, compute)
    table = per_subtomogram_table(test, subtomograms.pdb_ids[test], masks, subtomograms.masks[test])
    write_predictions(per_subtomogram, predictions, table, masks)
    summary = summarise(table)
    logger.info(
        "%s: %d subtomograms, pixel accuracy %.2f%%, mIoU %.2f%%",
        description["network"],
        summary["subtomograms"],
        summary["pixel_accuracy"],
        summary["miou"],
    )
    return summary


def _check_weights(
    weights: PathLike,
    description: Mapping[str, Any],
    dataset: PathLike,
    split: PathLike,
    subtomograms: Subtomograms,
) -> None:
    """Raise DataError unless the weights were trained on this dataset and split.

    Other weights may have been trained on the test subtomograms; their scores would look plausible.
    """
    run, asked = description.get("run", {}), run_names(description["network"], subtomograms, split)
    if run == asked and description.get("dataset_sha256") == subtomograms.sha256:
        return
    trained_on = " of ".join(f"{key} {run.get(key)}" for key in ("split", "dataset"))
    raise DataError(
        f"{weights}: trained on {trained_on}, not on {split} of the present {dataset}; train on "
        "these, or use the files it was trained on"
    )
