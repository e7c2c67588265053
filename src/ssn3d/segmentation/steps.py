"""The stage from files to files: a dataset and a split in, weights, predictions and scores out."""

import os
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ssn3d import __version__
from ssn3d.device import gpu_names, own_gpu
from ssn3d.files import write_json
from ssn3d.log import logger
from ssn3d.provenance import provenance
from ssn3d.segmentation.checkpoint import write_tensors
from ssn3d.segmentation.metrics import per_subtomogram_table, summarise
from ssn3d.segmentation.networks import NETWORKS, block_ceiling, capacity
from ssn3d.segmentation.predict import Compute, load_network, predict_masks
from ssn3d.segmentation.predictions import write_predictions
from ssn3d.segmentation.train import TrainingSettings, train
from ssn3d.subtomograms.steps import read_dataset
from ssn3d.tables import write_csv

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

    `dataset` and `split` are files. An interrupted training goes on from `checkpoint`, which is
    deleted when the outputs are there. The weights are those of the best epoch. On CUDA it waits
    for a GPU on which fewer than `trainings_per_gpu` jobs of ours run.

    Raises:
        DataError: dataset and split are damaged, or do not belong together.
        CheckpointError: the checkpoint is damaged, or of another training.
    """
    subtomograms, rows = read_dataset(dataset, split)
    split_name = Path(split).stem
    with own_gpu(settings.device, trainings_per_gpu):
        result = train(
            subtomograms.images,
            subtomograms.masks,
            rows["train"],
            rows["validation"],
            network,
            settings=settings,
            seed=seed,
            run_name=f"{network}/{subtomograms.dataset}/{split_name}",
            checkpoint_path=Path(checkpoint),
        )
    names = {"method": network, "dataset": subtomograms.dataset, "split": split_name}
    outcome = {
        "capacity": capacity(result.network),
        "epochs": len(result.history),
        "best_epoch": result.best_epoch,
        "stopped": result.stopped,
        "training_seconds": result.seconds,
        "micro_batch_size": result.micro_batch_size,
        "device": result.device,
        "precision": result.precision,
        "ceiling_miou": ceiling_miou(network, subtomograms.masks[rows["test"]]),
        "settings": asdict(settings),
    }
    content = {
        "network": network,
        "weights": {name: w.cpu().contiguous() for name, w in result.network.state_dict().items()},
        "run": names,
        "best_epoch": result.best_epoch,
        "micro_batch_size": result.micro_batch_size,
        "precision": result.precision,
        "settings": asdict(settings),
        "seed": seed,
        "dataset_sha256": subtomograms.sha256,
        "ssn3d": __version__,
    }
    write_tensors(weights, content)  # without dates, so that equal trainings give equal bytes
    write_csv(history, result.history)
    made = provenance(
        seed=seed,
        settings=asdict(settings),
        gpus=gpu_names(),
        dataset_sha256=subtomograms.sha256,
        subtomograms={part: len(members) for part, members in rows.items()},
    )
    write_json(record, names | outcome | {"provenance": made})
    Path(checkpoint).unlink(missing_ok=True)
    logger.info("%s: best epoch %d of %d", network, result.best_epoch, len(result.history))


def ceiling_miou(network: str, masks: NDArray[np.uint8]) -> float:
    """Highest mIoU in percent that a network's architecture can reach on these masks."""
    best = block_ceiling(masks, NETWORKS[network].block)
    rows = np.arange(len(masks))
    return summarise(per_subtomogram_table(rows, [""] * len(masks), best, masks))["miou"]


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

    The precision is that of the training; GPUs are shared as in `train_run`. Returns the summary of
    `metrics.summarise`, in percent.

    Raises:
        DataError: dataset and split are damaged, or do not belong together.
        CheckpointError: the weights are damaged.
    """
    network, description = load_network(weights)
    subtomograms, rows = read_dataset(dataset, split)
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
