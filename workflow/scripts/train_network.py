"""Train one network on one dataset and split; resume if a checkpoint is left."""

import hashlib
import json
from pathlib import Path

from ssn3d.core.log import job
from ssn3d.io.files import sha256_of
from ssn3d.models.card import model_names
from ssn3d.segmentation.training.launch import launch_training
from ssn3d.subtomograms.store import open_shard


def checkpoint_of(files, params, wildcards):  # noqa: ANN001, ANN201 -- Snakemake's own types
    """Name a checkpoint by all that the training depends on: a change starts a new one."""
    shards = [open_shard(path).sha256 for path in files.shards]
    start = [sha256_of(files.start)] if files.start else []
    identity = [shards, sha256_of(files.split), params.settings, params.seed, params.code, *start]
    key = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:12]
    name = f"{wildcards.network}_{wildcards.data}_{wildcards.split}{wildcards.repeat}_{key}.pt"
    return Path(params.checkpoints) / name


if __name__ == "__main__":
    with job(snakemake.log[0]):
        checkpoint = checkpoint_of(snakemake.input, snakemake.params, snakemake.wildcards)
        settings = dict(snakemake.params.settings)
        if settings["start_from"] not in model_names():
            settings["start_from"] = str(snakemake.input.start) or None
        launch_training(
            {
                "shards": list(snakemake.input.shards),
                "split": snakemake.input.split,
                "network": snakemake.wildcards.network,
                "settings": settings,
                "seed": snakemake.params.seed,
                "weights": snakemake.output.weights,
                "history": snakemake.output.history,
                "record": snakemake.output.run,
                "checkpoint": str(checkpoint),
                "repeat": snakemake.wildcards.repeat,
            },
            log=snakemake.log[0],
            threads=snakemake.threads,
            processes=snakemake.config["gpus_per_training"],
            nodes=snakemake.resources.get("nodes", 1),
            trainings_per_gpu=snakemake.config["trainings_per_gpu"],
        )
