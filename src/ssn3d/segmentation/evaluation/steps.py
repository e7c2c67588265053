"""Evaluation of a trained network on files: shards, split and weights in, tables of scores out."""

from collections.abc import Mapping, Sequence
from typing import Any

from ssn3d.core.device import own_gpu
from ssn3d.core.errors import DataError
from ssn3d.io.files import PathLike, sha256_of
from ssn3d.segmentation.evaluation.run_io import all_segmented, run_names, score_parts
from ssn3d.segmentation.inference.compute import Compute
from ssn3d.segmentation.inference.predict import load_network, predict_masks
from ssn3d.segmentation.networks.registry import architecture
from ssn3d.subtomograms.steps import read_dataset
from ssn3d.subtomograms.store import Dataset


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

    `predictions` is the file for the masks of the test set. The precision is that of the training.
    On CUDA, evaluation waits for a GPU with fewer than `trainings_per_gpu` jobs of this user.
    Returns the result of `metrics.summarise` for both parts, in percent.

    Raises:
        DataError: a shard or the split is damaged, they do not match, or the weights were trained
            on other files.
        CheckpointError: the weights are damaged.
    """
    network, description = load_network(weights)
    tables = {"test": per_subtomogram, "independent": independent}
    dataset, rows = read_dataset(shards, split, tables)
    name = description["network"]
    _check_weights(weights, description, run_names(name, dataset, split, repeat), split, dataset)
    with own_gpu(device, trainings_per_gpu):
        compute = Compute.pick(device, description["precision"])
        placed = compute.place(network)
        return score_parts(
            dataset,
            rows,
            lambda part: all_segmented(predict_masks(placed, dataset, rows[part], compute)),
            tables,
            title=name,
            block=architecture(name).block,
            predictions=predictions,
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
