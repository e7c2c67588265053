"""Loading of models, by name or from a file of weights."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from ssn3d.core.classes import CLASSES
from ssn3d.core.errors import CheckpointError, DataError
from ssn3d.core.log import logger
from ssn3d.core.standard import Standardised
from ssn3d.io.files import sha256_of
from ssn3d.models.card import FOLDER, Card, Target, in_order, model_names, weights_path
from ssn3d.segmentation.inference.compute import Compute
from ssn3d.segmentation.inference.predict import load_network


@dataclass(frozen=True)
class Model:
    """A trained network and the form of its input."""

    name: str
    network: nn.Module
    """On the CPU, in evaluation mode."""
    voxel_size_angstrom: float
    size_voxels: int
    """Edge of the training subtomograms."""
    card: Card | None
    """None for weights without a card."""
    classes: tuple[str, ...]
    """Classes of the network's outputs, the background first."""
    standardised: Standardised
    """What is standardised: each input cube, or the whole tomogram."""

    def sampling_angstrom(self, own_angstrom: float) -> float:
        """Voxel size at which a tomogram is computed: its own, within those of the training."""
        coarsest = None if self.card is None else self.card.coarsest_voxel_angstrom
        return max(min(own_angstrom, coarsest or 0.0), self.voxel_size_angstrom)

    def place(self, device: str) -> Compute:
        """Move the network to a device, and log the model."""
        compute = Compute.pick(device, "auto")
        compute.place(self.network)
        logger.info("model %s (voxel size %g A)", self.name, self.voxel_size_angstrom)
        return compute


def load_model(name: str, target: Target | None = None, folder: Path = FOLDER) -> Model:
    """Load a model by its name, or from a file of weights.

    Args:
        name: one of `model_names`, or the path of weights (*.pt), with or without a card.
        target: target for which the model must have been trained; None: any.
        folder: folder of named models.

    Raises:
        DataError: there is no such model, it was trained for another target, or its card is
            damaged.
        CheckpointError: its weights are damaged, or not those of a network.
    """
    weights = weights_path(name, folder)
    card_path = weights.with_suffix(".json")
    if weights.suffix != ".pt" or not weights.exists():
        known = ", ".join(model_names(folder)) or "none"
        raise DataError(f"model: {name!r} is neither a file of weights (*.pt) nor one of: {known}")
    if not card_path.exists():
        return _without_card(weights, target)
    card = Card.read(card_path)
    if card.weights_sha256 != sha256_of(weights):
        raise DataError(f"{weights}: not the weights of {card_path.name}; install ssn3d again")
    _check_target(name, card.target, target)
    network, _ = load_network(weights)
    size = card.subtomogram_size_voxels
    form = tuple(card.classes), card.standardised
    return Model(weights.stem, network, card.voxel_size_angstrom, size, card, *form)


def _without_card(weights: Path, target: Target | None) -> Model:
    """Load the weights of a training, which record target, voxel size, classes and input."""
    network, content = load_network(weights)
    try:
        trained_for, size = content["target"], int(content["size_voxels"])
        voxel_size = float(content["voxel_size_angstrom"])
    except KeyError as error:
        message = f"{weights}: lacks {error}; repeat the training, or add a card"
        raise CheckpointError(message) from None
    _check_target(str(weights), trained_for, target)
    try:
        known = form_of(content)
    except ValueError as error:
        raise CheckpointError(f"{weights}: classes {error}; repeat the training") from None
    form = tuple(known["classes"]), known["standardised"]
    return Model(weights.stem, network, voxel_size, size, None, *form)


def form_of(content: dict[str, Any]) -> dict[str, Any]:
    """Classes and standardisation of a file of weights; by default those of the paper.

    Raises ValueError for unknown classes.
    """
    classes = in_order([*content.get("classes", CLASSES[:2])])
    return {"classes": classes, "standardised": content.get("standardised", "tile")}


def _check_target(name: str, trained_for: Target, target: Target | None) -> None:
    if target not in {None, trained_for}:
        task = "--particles" if target == "centred" else "a whole tomogram"
        raise DataError(
            f"model: {name!r} was trained for target {trained_for!r}; {task} requires target "
            f"{target!r}, see `ssn3d models`"
        )
