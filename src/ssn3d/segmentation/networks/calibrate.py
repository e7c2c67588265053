"""First values of channel scales, from data: the mean effect of a normalisation.

Each scale, in the order of the forward pass, gets the values with which its output has, on some
images, the mean `bias` and the standard deviation `weight` that it had before: 0 and 1 in a new
network (Mishkin & Matas 2016, ICLR), or those of a normalisation whose weights were loaded.
"""

from typing import Any

import torch
from torch import Tensor, nn

from ssn3d.segmentation.inference.compute import Compute
from ssn3d.segmentation.networks.unets import ChannelScale

_LEAST_VARIANCE = 1e-8


def has_scales(network: nn.Module) -> bool:
    """True if a network has channel scales in place of normalisations."""
    return any(isinstance(layer, ChannelScale) for layer in network.modules())


def calibrate_scales(network: nn.Module, images: Tensor, compute: Compute) -> None:
    """Set the channel scales of a network, in place, by images (n, s, s, s)."""
    done: list[nn.Module] = []

    def set_scale(layer: nn.Module, inputs: Any) -> None:
        if any(layer is other for other in done):
            return
        done.append(layer)
        assert isinstance(layer, ChannelScale)
        variance, mean = torch.var_mean(inputs[0].float(), dim=(0, 2, 3, 4))
        scale = layer.weight.data / variance.clamp_min(_LEAST_VARIANCE).sqrt()
        layer.bias.data -= scale * mean
        layer.weight.data = scale

    layers = [layer for layer in network.modules() if isinstance(layer, ChannelScale)]
    hooks = [layer.register_forward_pre_hook(set_scale) for layer in layers]
    with torch.inference_mode():
        compute.logits(network, images)
    for hook in hooks:
        hook.remove()
