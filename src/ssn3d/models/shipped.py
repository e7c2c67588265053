"""Models by name: those that come with the package, and files of one's own."""

from dataclasses import dataclass
from pathlib import Path

from torch import nn

from ssn3d.errors import DataError
from ssn3d.files import sha256_of
from ssn3d.log import logger
from ssn3d.models.card import FOLDER, Card, Target, model_names, read_card
from ssn3d.segmentation.predict import load_network

_UNKNOWN_VOXEL_SIZE_ANGSTROM, _UNKNOWN_SIZE_VOXELS = 10.0, 40
"""The paper's; assumed of weights without a card."""


@dataclass(frozen=True)
class Model:
    """A trained network, and what is to be known to use it."""

    name: str
    network: nn.Module
    """On the CPU, in evaluation mode."""
    voxel_size_angstrom: float
    size_voxels: int
    """Edge of the subtomograms that it was trained on."""
    card: Card | None
    """None for weights without one."""


def load_model(name: str, target: Target | None = None, folder: Path = FOLDER) -> Model:
    """Load a model by its name, or from a file of weights.

    Args:
        name: one of `model_names`, or the path of weights (*.pt) with or without a card beside
            them, as those of a training.
        target: what it has to be made for, if that matters.
        folder: where named models are.

    Raises:
        DataError: there is no such model, it is made for another target, or its card is damaged.
        CheckpointError: its weights are damaged, or not those of a network.
    """
    weights = folder / f"{name}.pt" if name in model_names(folder) else Path(name)
    card_path = weights.with_suffix(".json")
    if weights.suffix != ".pt" or not weights.exists():
        known = ", ".join(model_names(folder)) or "none"
        raise DataError(f"model: {name!r} is no file of weights (*.pt) and none of: {known}")
    if not card_path.exists():
        return _without_card(weights)
    card = read_card(card_path)
    if card.weights_sha256 != sha256_of(weights):
        raise DataError(f"{weights}: not the weights of {card_path.name}; install ssn3d again")
    if target not in {None, card.target}:
        needed = "--particles" if target == "centred" else "a whole tomogram"
        raise DataError(
            f"model: {name!r} is of target {card.target!r}; {needed} needs one of {target!r}, "
            "see `ssn3d models`"
        )
    network, _ = load_network(weights)
    size = card.subtomogram_size_voxels
    return Model(weights.stem, network, card.voxel_size_angstrom, size, card)


def _without_card(weights: Path) -> Model:
    """Load the weights of a training."""
    network, _ = load_network(weights)
    logger.warning(
        "%s: no card beside it; taken as trained for this, on voxels of %g A",
        *(weights, _UNKNOWN_VOXEL_SIZE_ANGSTROM),
    )
    return Model(
        weights.stem, network, _UNKNOWN_VOXEL_SIZE_ANGSTROM, _UNKNOWN_SIZE_VOXELS, card=None
    )
