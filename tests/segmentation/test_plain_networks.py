"""Networks without pooled normalisation: receptive field, first values of scales, first weights."""

import numpy as np
import pytest
import torch

from sections import section
from ssn3d.core.errors import ConfigError, DataError
from ssn3d.models.card import weights_path
from ssn3d.segmentation.inference.compute import Compute
from ssn3d.segmentation.inference.predict import load_network
from ssn3d.segmentation.networks.calibrate import calibrate_scales, has_scales
from ssn3d.segmentation.networks.registry import build_network
from ssn3d.segmentation.networks.unets import ChannelScale
from ssn3d.segmentation.training.first_weights import first_network
from ssn3d.segmentation.training.losses import dice_losses
from ssn3d.segmentation.training.steps import check_classes

CPU = Compute.pick("cpu", "float32")
REACH = 72
"""Voxels beyond which nothing reaches a voxel of the output."""


@pytest.fixture(scope="module")
def images():
    """Dark balls in noise."""
    noise = np.random.default_rng(1).normal(size=(4, 32, 32, 32))
    places = (np.indices((32, 32, 32)) % 16 - 8) ** 2
    return torch.from_numpy(noise - 3.0 * (places.sum(axis=0) < 25)).float()


def test_only_the_receptive_field_counts():
    """A bead far away changes nothing; a normalisation that pools would carry it everywhere."""
    cube = torch.randn((1, 8, 8, 176), generator=torch.Generator().manual_seed(2))
    changed = cube.clone()
    changed[..., -8:] -= 50
    network = build_network("ResUNet-classes", 0.0, torch.Generator().manual_seed(0)).eval()
    with torch.inference_mode(), pytest.MonkeyPatch.context() as patch:
        patch.setattr("ssn3d.segmentation.networks.unets.check_size", lambda _: None)
        one, other = (CPU.logits(network, image) for image in (cube, changed))
    assert torch.equal(one[..., : 168 - REACH], other[..., : 168 - REACH])
    assert not torch.equal(one[..., -8:], other[..., -8:])


def test_scales_give_mean_0_and_deviation_1(images):
    network = build_network("ResUNet-plain", 0.0, torch.Generator().manual_seed(0))
    assert has_scales(network)
    assert not has_scales(build_network("ResUNet", 0.0, torch.Generator()))
    calibrate_scales(network, images, CPU)
    CPU.logits(network, images[:1, :8, :8, :8]).sum().backward()  # can be trained
    found = []

    def keep(_layer, _inputs, output):
        found.append(torch.var_mean(output.unflatten(1, (-1, 8)), dim=(0, 2, 3, 4, 5)))

    for layer in network.modules():
        if isinstance(layer, ChannelScale):
            layer.register_forward_hook(keep)
    with torch.inference_mode():
        CPU.logits(network, images)
    for variance, mean in found:
        torch.testing.assert_close(variance, torch.ones_like(variance), atol=1e-3, rtol=0)
        torch.testing.assert_close(mean, torch.zeros_like(mean), atol=1e-3, rtol=0)


def test_start_from_a_normalised_network(images):
    """With calibrated scales it predicts much as the network from which it starts."""
    made = section("training", start_from="resunet-all")
    network, needs = first_network("ResUNet-classes", made, torch.Generator().manual_seed(0))
    start, _ = first_network("ResUNet", made, torch.Generator().manual_seed(0))
    assert needs
    calibrate_scales(network, images, CPU)
    with torch.inference_mode():
        ours, theirs = (CPU.logits(n.eval(), images) for n in (network, start))
    difference = [(logits[:, 1] - logits[:, 0]).flatten().numpy() for logits in (ours, theirs)]
    assert np.corrcoef(*difference)[0, 1] > 0.8


def test_start_from_a_network_with_scales():
    """Its scales have been trained: to calibrate them again would spoil them."""
    made = section("training", start_from="resunet-classes")
    network, needs = first_network("ResUNet-classes", made, torch.Generator().manual_seed(0))
    assert not needs
    known = load_network(weights_path("resunet-classes"))[0].state_dict()
    for name, weights in network.state_dict().items():
        torch.testing.assert_close(weights, known[name])


def test_start_from_another_kind_of_network():
    with pytest.raises(ConfigError, match="no weight of ssn3d-v1-a fits"):
        first_network("UNet", section("training", start_from="ssn3d-v1-a"), torch.Generator())


def test_dice_of_classes():
    masks = torch.randint(0, 3, (2, 8, 8, 8), generator=torch.Generator().manual_seed(0))
    right = 20.0 * torch.nn.functional.one_hot(masks, 5).permute(0, 4, 1, 2, 3).float()
    assert dice_losses(right, masks.byte()).max() < 1e-4
    assert dice_losses(right.roll(1, dims=1), masks.byte()).min() > 0.5


def test_dice_of_absent_classes():
    """A class that is not there costs nothing, whatever is predicted."""
    masks = torch.zeros((1, 8, 8, 8), dtype=torch.uint8)
    logits = torch.randn((1, 5, 8, 8, 8), generator=torch.Generator().manual_seed(0))
    assert dice_losses(logits, masks).item() == 0
    masks[0, :4] = 2
    assert 0 < dice_losses(logits, masks).item() < 1


@pytest.mark.parametrize(
    ("network", "target"), [("ResUNet", "classes"), ("ResUNet-classes", "all")]
)
def test_classes_of_network_and_masks(network, target):
    with pytest.raises(DataError, match=f"subtomograms.target: {target}"):
        check_classes(network, target, {})


def test_weights_of_classes_that_are_there():
    check_classes("ResUNet-classes", "classes", {"filament": 3.0})
    with pytest.raises(DataError, match="'ResUNet' has no filament, only background, macromol"):
        check_classes("ResUNet", "all", {"filament": 3.0})
