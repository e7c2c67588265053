"""Make a model of a finished training: its weights in half precision, and its card.

    python -m ssn3d.models.export_model results/runs/UNet/A/random unet-a facts.json

The file of facts has the keys of `card.Facts`. With --average-with, the weights are a mean of those
of the training, of which --share is the part, and of the model it started from, so that less is
forgotten (Wortsman et al. 2022, CVPR). Half precision halves the files and does not change scores:
computing in bfloat16 rounds the weights more.
"""

import argparse
from pathlib import Path
from typing import Any

import torch

from ssn3d.core.errors import DataError
from ssn3d.core.log import job, logger
from ssn3d.io.files import read_json, sha256_of, write_json
from ssn3d.models.card import FOLDER, Card, Facts, weights_path
from ssn3d.models.shipped import form_of, load_model
from ssn3d.segmentation.training.checkpoint import read_tensors, write_tensors

LARGEST_BYTES = 10_000_000


def export_model(
    run: Path,
    name: str,
    facts: Facts,
    folder: Path = FOLDER,
    *,
    average_with: str | None = None,
    share: float = 0.5,
) -> Card:
    """Write {folder}/{name}.pt and {name}.json from weights.pt and run.json of a run.

    `average_with` is a model whose weights are averaged with those of the run, whose part of the
    mean is `share`.

    Raises:
        DataError: run.json is damaged, the facts are another training's, the model to average with
            is another network, or the model is larger than 10 MB.
        CheckpointError: the weights are damaged.
    """
    content = read_tensors(run / "weights.pt")
    record = read_json(run / "run.json", "epochs", "best_epoch", "provenance")
    weights_of = content["weights"]
    if average_with is not None:
        weights_of = _averaged(content, average_with, share)
    half = {key: tensor.to(torch.float16) for key, tensor in weights_of.items()}
    kept = {"network": content["network"], "precision": content["precision"], "weights": half}
    known = form_of(content) | {"target": content.get("target", facts.target)}
    for key, trained in known.items():
        if trained != getattr(facts, key):
            raise DataError(f"{name}: its training had {key} {trained}; correct the facts")
    kept |= {key: content[key] for key in ("classes", "standardised") if key in content}
    weights, card_path = folder / f"{name}.pt", folder / f"{name}.json"
    write_tensors(weights, kept)
    if weights.stat().st_size > LARGEST_BYTES:
        weights.unlink()
        raise DataError(f"{name}: more than {LARGEST_BYTES / 1e6:g} MB; train a smaller network")
    card = Card(
        **facts.model_dump(),
        network=content["network"],
        parameters=sum(tensor.numel() for tensor in half.values()),
        protein="dark",
        seed=content["seed"],
        training={
            "epochs": record["epochs"],
            "best_epoch": record["best_epoch"],
            "subtomograms": record["provenance"].get("subtomograms"),
            "settings": content["settings"],
            **({"averaged_with": average_with, "share": share} if average_with else {}),
        },
        ssn3d=content["ssn3d"],
        weights_sha256=sha256_of(weights),
    )
    write_json(card_path, card.model_dump())
    load_model(name, folder=folder)
    return card


def _averaged(content: dict[str, Any], model: str, share: float) -> dict[str, torch.Tensor]:
    """Mean of the weights of a training, of which it has a share, and of a model."""
    other = read_tensors(weights_path(model))
    if other["network"] != content["network"]:
        raise DataError(f"{model}: a {other['network']}, but the run's is a {content['network']}")
    trained: dict[str, torch.Tensor] = content["weights"]
    return {
        key: share * one.float() + (1 - share) * other["weights"][key].float()
        for key, one in trained.items()
    }


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description="make a model from a finished training")
    parser.add_argument("run", type=Path, help="folder of weights.pt and run.json")
    parser.add_argument("name", help="name of the model")
    parser.add_argument("facts", type=Path, help="JSON file of the other keys of the card")
    parser.add_argument(
        "--folder",
        type=Path,
        default=FOLDER,
        help="folder of models (default: that of the package)",
    )
    parser.add_argument("--average-with", metavar="MODEL", help="name, or file of weights")
    parser.add_argument("--share", type=float, default=0.5, help="of the run in that mean")
    arguments = parser.parse_args()
    with job():
        card = export_model(
            *(arguments.run, arguments.name, Facts.read(arguments.facts), arguments.folder),
            average_with=arguments.average_with,
            share=arguments.share,
        )
        logger.info("%s: %s, %d parameters", arguments.name, card.network, card.parameters)


if __name__ == "__main__":
    main()
