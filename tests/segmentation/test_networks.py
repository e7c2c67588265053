"""The networks: the paper's capacities, the order of layers in its figures, limits of blocks."""

import pytest
import torch
from torch import nn
from torch.nn.functional import conv3d, interpolate, max_pool3d, relu

from ssn3d.core.errors import DataError
from ssn3d.segmentation.networks.registry import NETWORKS, build_network, capacity

CAPACITIES = {
    "SSN3D-v1": 2_042_158, "SSN3D-v2": 2_042_342, "SSN3D-ED": 895_746,  # the paper's Table 2
    "UNet": 1_460_306, "ResUNet": 1_637_858, "ResUNet-plain": 1_637_858,
    "ResUNet-classes": 1_637_909,
}  # fmt: skip


def build(name, seed=0, dropout=0.0):
    return build_network(name, dropout, torch.Generator().manual_seed(seed))


def images(count=2, size=16):
    return torch.randn(count, 1, size, size, size, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("name", NETWORKS)
def test_capacity_and_input_size(name):
    network = build(name)
    assert capacity(network) == CAPACITIES[name]
    for shape in ((1, 1, 12, 12, 12), (1, 1, 16, 16, 8), (1, 2, 8, 8, 8)):
        with pytest.raises(DataError, match="multiple of 8"):
            network(torch.zeros(shape))


def up(x):
    return interpolate(x, scale_factor=2, mode="nearest")


def literal_encoder(e, x):
    pools = []
    for first, second in ((e.conv1_1, e.conv1_2), (e.conv2_1, e.conv2_2), (e.conv3_1, e.conv3_2)):
        x = max_pool3d(relu(second(relu(first(x)))), 2)
        pools.append(x)
    return pools


def literal_fully_convolutional(f, x):
    """Two wide layers with a ReLU each, then scores; dropout does nothing when not training."""
    return f.score(relu(f.fc2(relu(f.fc1(x)))))


def literal_v1(n, x):
    score = literal_fully_convolutional(n.fully_convolutional, literal_encoder(n.encoder, x)[2])
    return up(n.up_conv2(up(n.up_conv1(up(score)))))


def literal_v2(n, x):
    pool1, pool2, pool3 = literal_encoder(n.encoder, x)
    score = up(literal_fully_convolutional(n.fully_convolutional, pool3)) + n.score_pool2(pool2)
    return up(up(score) + n.score_pool1(pool1))


def literal_ed(n, x):
    pool1, pool2, pool3 = literal_encoder(n.encoder, x)
    x = up(relu(n.up_conv1(pool3))) + n.skip_pool2(pool2)
    x = up(relu(n.up_conv2(x))) + n.skip_pool1(pool1)
    return n.score(up(relu(n.up_conv3(x))))


def literal_unet(n, x):
    """Each level: twice a convolution without bias, groups of 8 channels normalised, ReLU."""

    def level(layers, x):
        for conv, norm in ((layers[0], layers[1]), (layers[3], layers[4])):
            x = conv3d(x, conv.weight, padding=1)
            count, channels, *size = x.shape
            groups = x.reshape(count, channels // 8, -1)
            variance, mean = torch.var_mean(groups, dim=2, correction=0, keepdim=True)
            x = ((groups - mean) / (variance + 1e-5).sqrt()).reshape(count, channels, *size)
            x = relu(x * norm.weight.reshape(-1, 1, 1, 1) + norm.bias.reshape(-1, 1, 1, 1))
        return x

    full = level(n.down1, x)
    half = level(n.down2, max_pool3d(full, 2))
    quarter = level(n.down3, max_pool3d(half, 2))
    x = level(n.bottom, max_pool3d(quarter, 2))
    x = level(n.up3, torch.cat([up(x), quarter], dim=1))
    x = level(n.up2, torch.cat([up(x), half], dim=1))
    return n.score(level(n.up1, torch.cat([up(x), full], dim=1)))


LITERAL = {
    "SSN3D-v1": literal_v1, "SSN3D-v2": literal_v2, "SSN3D-ED": literal_ed, "UNet": literal_unet
}  # fmt: skip


@pytest.mark.parametrize("name", LITERAL)
def test_networks_equal_the_figures(name):
    network = build(name, dropout=0.7).double().eval()
    random = torch.Generator().manual_seed(2)
    for parameter in network.parameters():  # biases of zero would not show their place
        if parameter.ndim == 1:
            nn.init.normal_(parameter, generator=random)
    inputs = images(1).double()
    weight_of_voxels = torch.randn(1, 2, 16, 16, 16, dtype=torch.float64, generator=random)
    outputs, gradients = [], []
    for forward in (network, lambda x: LITERAL[name](network, x)):
        network.zero_grad()
        output = forward(inputs)
        (output * weight_of_voxels).sum().backward()
        outputs.append(output.detach())
        gradients.append([p.grad.clone() for p in network.parameters()])
    torch.testing.assert_close(*outputs, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(*gradients, rtol=1e-9, atol=1e-9)


def constant_in_blocks(values, block):
    blocks = values.unfold(2, block, block).unfold(3, block, block).unfold(4, block, block)
    flat = blocks.flatten(start_dim=5)
    return bool((flat == flat[..., :1]).all())


@pytest.mark.parametrize("name", NETWORKS)
def test_output_shape_and_blocks(name):
    logits = build(name)(images(1, 24)).detach()
    assert logits.shape == (1, NETWORKS[name].classes, 24, 24, 24)
    block = NETWORKS[name].block
    assert constant_in_blocks(logits, block)
    assert not constant_in_blocks(logits, 2 * block)


def test_initial_weights_are_glorot_uniform():
    for name in ("SSN3D-v1", "SSN3D-v2", "SSN3D-ED"):
        for layer in build(name).modules():
            if not isinstance(layer, nn.Conv3d):
                continue
            kernel = layer.kernel_size[0] ** 3
            limit = (6 / (kernel * (layer.in_channels + layer.out_channels))) ** 0.5
            assert layer.weight.abs().max() <= limit
            if layer.weight.numel() > 10_000:  # uniform: the variance is a third of the limit's
                assert float(layer.weight.detach().std()) == pytest.approx(limit / 3**0.5, rel=0.02)
            assert not layer.bias.any()


def test_generator_determines_initial_weights():
    state = torch.get_rng_state()
    one, same, other = (build("UNet", seed).state_dict() for seed in (3, 3, 4))
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(one[key], same[key]) for key in one)
    assert not torch.equal(one["score.weight"], other["score.weight"])


@pytest.mark.parametrize("name", NETWORKS)
def test_dropout(name, monkeypatch):
    network = build(name, dropout=0.7).train()
    inputs = images(1, 8)
    kept = []
    apply = nn.Dropout.forward

    def recorded(layer, x):
        out = apply(layer, x)
        assert x.shape[1] == 1024
        kept.append(float((out[x != 0] != 0).float().mean()))
        return out

    monkeypatch.setattr(nn.Dropout, "forward", recorded)
    network(inputs)
    assert kept == pytest.approx([0.3] * (2 * (name in {"SSN3D-v1", "SSN3D-v2"})), abs=0.08)
    network.eval()
    assert torch.equal(network(inputs), network(inputs))
