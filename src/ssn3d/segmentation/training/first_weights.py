"""The network with which a training begins: new weights, or those of another network."""

import torch
from torch import nn

from ssn3d.core.errors import ConfigError
from ssn3d.core.log import logger
from ssn3d.models.card import weights_path
from ssn3d.segmentation.inference.predict import load_network
from ssn3d.segmentation.networks.calibrate import has_scales
from ssn3d.segmentation.networks.registry import build_network
from ssn3d.segmentation.settings import TrainingSettings


def first_network(
    name: str, settings: TrainingSettings, generator: torch.Generator
) -> tuple[nn.Module, bool]:
    """Build a network; with `start_from`, weights of equal name and shape are taken from there.

    A normalisation's weights serve for a channel scale of the same name. If a layer has more output
    channels than there, as that of more classes has, the first ones are taken.

    Also returns True if channel scales still need values from data (`calibrate`): those of another
    network's channel scales have them.

    Raises:
        ConfigError: there is no network of this name, or no weight fits.
        CheckpointError: there is no such model, or it is damaged.
    """
    network = build_network(name, settings.dropout, generator)
    if settings.start_from is None:
        return network, has_scales(network)
    start = settings.start_from
    other_network = load_network(weights_path(start))[0]
    known = other_network.state_dict()
    own, taken = network.state_dict(), []
    for key, weights in own.items():
        other = known.get(key)
        if other is not None and weights.dim() and other.shape[1:] == weights.shape[1:]:
            count = min(len(other), len(weights))
            weights[:count] = other[:count]
            taken.append(key)
    if not taken:
        raise ConfigError(
            f"training.start_from: no weight of {start} fits {name}; start from the "
            "weights of a network of the same kind"
        )
    network.load_state_dict(own)
    logger.info("%d of %d layers start from %s", len(taken), len(own), start)
    return network, has_scales(network) and not has_scales(other_network)
