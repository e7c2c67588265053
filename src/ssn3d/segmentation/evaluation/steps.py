"""The segmentation stage on files: shards and a split in, weights, masks and scores out."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ssn3d import __version__
from ssn3d.core.device import gpu_names, own_gpu
from ssn3d.core.errors import DataError
from ssn3d.core.log import logger
from ssn3d.io.files import PathLike, sha256_of
from ssn3d.io.tables import write_csv
from ssn3d.segmentation.evaluation.metrics import summarise
from ssn3d.segmentation.evaluation.run_io import (
    all_segmented,
    run_names,
    write_run_record,
    write_scores,
)
from ssn3d.segmentation.inference.compute import Compute
from ssn3d.segmentation.inference.predict import load_network, predict_masks
from ssn3d.segmentation.networks.registry import architecture, capacity
from ssn3d.segmentation.settings import TrainingSettings
from ssn3d.segmentation.training.checkpoint import write_tensors
from ssn3d.segmentation.training.distributed import Ranks
from ssn3d.segmentation.training.train import TrainingResult, train
from ssn3d.subtomograms.steps import check_parts, read_dataset
from ssn3d.subtomograms.store import Dataset


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

    `shards` and `split` are files. An interrupted training resumes from `checkpoint`, which is
    deleted once the outputs are written. The weights are those of the best epoch. Of several
    processes (`ranks`) all train, and the first writes. Trainings with another `repeat` (of
    `runs.repeats`) differ in initial weights, order and dropout alone.

    Raises:
        DataError: a shard or the split is damaged, or they do not match.
        CheckpointError: the checkpoint is damaged, or of another training.
    """
    dataset, rows = read_dataset(shards, split)
    check_parts(rows, ("train", "validation"), split)
    names = run_names(network, dataset, split, repeat)
    trained_on = {
        "shards_sha256": dataset.digests,
        "split_sha256": sha256_of(split),
        "target": dataset.shards[0].origin.target,
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
    content = _weights_content(result, names, settings, seed, trained_on)
    write_tensors(weights, content)  # without dates, so that equal trainings give equal bytes
    write_csv(history, result.history)
    made: dict[str, Any] = {"seed": seed, "settings": settings.model_dump(), "gpus": gpu_names()}
    write_run_record(record, names, _training_outcome(result, settings), (dataset, rows), **made)
    Path(checkpoint).unlink(missing_ok=True)
    logger.info("%s: best epoch %d of %d", network, result.best_epoch, len(result.history))


def _training_outcome(result: TrainingResult, settings: TrainingSettings) -> dict[str, Any]:
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
        "settings": settings.model_dump(),
    }


def _weights_content(
    result: TrainingResult,
    names: Mapping[str, str],
    settings: TrainingSettings,
    seed: int,
    trained_on: Mapping[str, Any],
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
        **trained_on,
        "ssn3d": __version__,
    }


def evaluate_run(
    shards: Sequence[PathLike],
    split: PathLike,
    weights: PathLike,
    device: str,
    *,
    per_subtomogram: PathLike,
    independent: PathLike,
    predictions: PathLike,
    repeat: str = "",
    trainings_per_gpu: int = 1,
) -> dict[str, dict[str, float]]:
    """Segment the test and the independent rows of a split; write a table of scores for each.

    Predicted masks are kept of the test set alone. The precision is that of the training. On CUDA
    it waits for a GPU with fewer than `trainings_per_gpu` jobs of this user. Returns the result of
    `metrics.summarise` for both, in percent.

    Raises:
        DataError: a shard or the split is damaged, they do not match, or the weights were trained
            on others.
        CheckpointError: the weights are damaged.
    """
    network, description = load_network(weights)
    dataset, rows = read_dataset(shards, split)
    check_parts(rows, ("test", "independent"), split)
    names = run_names(description["network"], dataset, split, repeat)
    _check_weights(weights, description, names, split, dataset)
    summaries = {}
    with own_gpu(device, trainings_per_gpu):
        compute = Compute.pick(device, description["precision"])
        placed = compute.place(network)
        for part, table, masks in (
            ("test", per_subtomogram, predictions),
            ("independent", independent, None),
        ):
            found = predict_masks(placed, dataset, rows[part], compute)
            block = architecture(description["network"]).block
            scores = write_scores(
                table, dataset, rows[part], all_segmented(found), block=block, predictions=masks
            )
            summaries[part] = summarise(scores)
            log_scores(f"{description['network']}, {part}", summaries[part])
    return summaries


def log_scores(title: str, summary: Mapping[str, float]) -> None:
    """Log the two scores of the paper."""
    logger.info(
        "%s: %d subtomograms, pixel accuracy %.2f%%, mIoU %.2f%%",
        title,
        summary["subtomograms"],
        summary["pixel_accuracy"],
        summary["miou"],
    )


def _check_weights(
    weights: PathLike,
    description: Mapping[str, Any],
    names: Mapping[str, str],
    split: PathLike,
    dataset: Dataset,
) -> None:
    """Raise DataError unless the weights are of this run, of these tomograms and this split.

    Other weights may have been trained on the test subtomograms; their scores would look plausible.
    """
    run, trained_on = description.get("run", {}), description.get("shards_sha256", {})
    same = trained_on.items() <= dataset.digests.items() and run == names
    if not same or description.get("split_sha256") != sha256_of(split):
        was = " of ".join(f"{key} {run.get(key)}" for key in ("split", "dataset"))
        raise DataError(
            f"{weights}: trained on {was}, not on {split} of the present "
            f"{dataset.shards[0].path.parent}; train on these, or use the files it was trained on"
        )
