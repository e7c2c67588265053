"""First values of channel scales, from data: the mean effect of a normalisation.

Each scale, in the order of the forward pass, gets the values with which it does to some images what
a group normalisation of its weights does in the mean. In a new network, outputs have mean 0 and
standard deviation 1 (Mishkin & Matas 2016, ICLR); with the weights of a network that has such
normalisations, it predicts much as that one does.
"""

from typing import Any

import torch
from torch import Tensor, nn

from ssn3d.segmentation.inference.compute import Compute
from ssn3d.segmentation.networks.unets import CHANNELS_PER_GROUP, ChannelScale

_LEAST_VARIANCE = 1e-8


def has_scales(network: nn.Module) -> bool:
    """True if a network has channel scales in place of normalisations."""
    return any(isinstance(layer, ChannelScale) for layer in network.modules())


def calibrate_scales(network: nn.Module, images: Tensor, compute: Compute) -> None:
    """Set the channel scales of a network, in place, by images (n, s, s, s)."""

    def set_scale(layer: nn.Module, inputs: Any) -> None:
        assert isinstance(layer, ChannelScale)
        groups = inputs[0].float().unflatten(1, (-1, CHANNELS_PER_GROUP))
        pooled = torch.var_mean(groups, dim=(0, 2, 3, 4, 5))
        variance, mean = (value.repeat_interleave(CHANNELS_PER_GROUP) for value in pooled)
        scale = layer.weight.data / variance.clamp_min(_LEAST_VARIANCE).sqrt()
        layer.bias.data -= scale * mean
        layer.weight.data = scale

    layers = [layer for layer in network.modules() if isinstance(layer, ChannelScale)]
    hooks = [layer.register_forward_pre_hook(set_scale) for layer in layers]
    with torch.no_grad():  # inference tensors could not be trained
        compute.logits(network, images)
    for hook in hooks:
        hook.remove()
