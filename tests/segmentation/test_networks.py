"""The networks: the paper's capacities, the literal order of its figures, what blocks allow."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from torch import Tensor, nn
from torch.nn.functional import interpolate, max_pool3d, relu

from ssn3d.errors import ConfigError, DataError
from ssn3d.segmentation.ceiling import block_ceiling
from ssn3d.segmentation.metrics import per_subtomogram_table
from ssn3d.segmentation.networks import (
    NETWORKS,
    SSN3DED,
    Architecture,
    SSN3Dv1,
    SSN3Dv2,
    build_network,
    capacity,
    register,
)

PAPER_CAPACITIES = {"SSN3D-v1": 2_042_158, "SSN3D-v2": 2_042_342, "SSN3D-ED": 895_746}


def build(name: str, seed: int = 0, dropout: float = 0.0) -> nn.Module:
    return build_network(name, dropout, torch.Generator().manual_seed(seed))


def images(count: int = 2, size: int = 16) -> Tensor:
    return torch.randn(count, 1, size, size, size, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(("name", "parameters"), PAPER_CAPACITIES.items())
def test_capacity_is_that_of_table_2(name: str, parameters: int) -> None:
    assert capacity(build(name)) == parameters


def test_unet_has_about_1_4_million_parameters() -> None:
    assert capacity(build("UNet")) == pytest.approx(1.4e6, rel=0.05)


@pytest.mark.parametrize("name", NETWORKS)
def test_logits_have_two_classes_at_full_size(name: str) -> None:
    for size in (8, 24):
        assert build(name)(images(1, size)).shape == (1, 2, size, size, size)


@pytest.mark.parametrize("shape", [(1, 1, 12, 12, 12), (1, 1, 16, 16, 8), (1, 2, 8, 8, 8)])
@pytest.mark.parametrize("name", NETWORKS)
def test_wrong_sizes_are_refused(name: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match="multiple of 8"):
        build(name)(torch.zeros(shape))


def up(x: Tensor) -> Tensor:
    return interpolate(x, scale_factor=2, mode="nearest")


def literal_encoder(e: nn.Module, x: Tensor) -> list[Tensor]:
    pools = []
    for first, second in ((e.conv1_1, e.conv1_2), (e.conv2_1, e.conv2_2), (e.conv3_1, e.conv3_2)):
        x = max_pool3d(relu(second(relu(first(x)))), 2)
        pools.append(x)
    return pools


def literal_v1(n: SSN3Dv1, x: Tensor) -> Tensor:
    score = n.fully_convolutional(literal_encoder(n.encoder, x)[2])
    return up(n.up_conv2(up(n.up_conv1(up(score)))))


def literal_v2(n: SSN3Dv2, x: Tensor) -> Tensor:
    pool1, pool2, pool3 = literal_encoder(n.encoder, x)
    score = up(n.fully_convolutional(pool3)) + n.score_pool2(pool2)
    return up(up(score) + n.score_pool1(pool1))


def literal_ed(n: SSN3DED, x: Tensor) -> Tensor:
    pool1, pool2, pool3 = literal_encoder(n.encoder, x)
    x = up(relu(n.up_conv1(pool3))) + n.skip_pool2(pool2)
    x = up(relu(n.up_conv2(x))) + n.skip_pool1(pool1)
    return n.score(up(relu(n.up_conv3(x))))


LITERAL = {"SSN3D-v1": literal_v1, "SSN3D-v2": literal_v2, "SSN3D-ED": literal_ed}


@pytest.mark.parametrize("name", LITERAL)
def test_cheaper_order_equals_the_figures_in_values_and_gradients(name: str) -> None:
    network = build(name).double().eval()
    inputs = images().double()
    weight_of_voxels = torch.randn(2, 2, 16, 16, 16, dtype=torch.float64)
    outputs, gradients = [], []
    for forward in (network, lambda x: LITERAL[name](network, x)):
        network.zero_grad()
        output = forward(inputs)
        (output * weight_of_voxels).sum().backward()
        outputs.append(output.detach())
        gradients.append([p.grad.clone() for p in network.parameters()])
    torch.testing.assert_close(*outputs, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(*gradients, rtol=1e-9, atol=1e-9)


def constant_in_blocks(values: Tensor, block: int) -> bool:
    blocks = values.unfold(2, block, block).unfold(3, block, block).unfold(4, block, block)
    flat = blocks.flatten(start_dim=5)
    return bool((flat == flat[..., :1]).all())


@pytest.mark.parametrize("name", NETWORKS)
def test_output_is_constant_in_the_blocks_registered_and_in_no_larger_ones(name: str) -> None:
    logits = build(name)(images()).detach()
    block = NETWORKS[name].block
    assert constant_in_blocks(logits, block)
    assert not constant_in_blocks(logits, 2 * block)


def test_weights_are_glorot_uniform_and_biases_zero() -> None:
    for name in PAPER_CAPACITIES:
        for layer in build(name).modules():
            if not isinstance(layer, nn.Conv3d):
                continue
            kernel = layer.kernel_size[0] ** 3
            limit = (6 / (kernel * (layer.in_channels + layer.out_channels))) ** 0.5
            assert layer.weight.abs().max() <= limit
            if layer.weight.numel() > 10_000:  # uniform: the variance is a third of the limit's
                assert float(layer.weight.detach().std()) == pytest.approx(limit / 3**0.5, rel=0.02)
            assert not layer.bias.any()


def test_weights_come_from_the_generator_alone() -> None:
    state = torch.get_rng_state()
    one, same, other = (build("UNet", seed).state_dict() for seed in (3, 3, 4))
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(one[key], same[key]) for key in one)
    assert not torch.equal(one["score.weight"], other["score.weight"])


def test_dropout_acts_in_training_and_only_where_the_paper_has_it() -> None:
    for name, acts in {"SSN3D-v1": True, "SSN3D-v2": True, "SSN3D-ED": False}.items():
        network = build(name, dropout=0.7).train()
        assert torch.equal(network(images()), network(images())) is not acts
        network.eval()
        assert torch.equal(network(images()), network(images()))


def test_a_network_is_added_with_one_function(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ssn3d.segmentation.networks.NETWORKS", dict[str, Architecture]())

    @register("linear")
    def linear(_dropout: float) -> nn.Module:
        return nn.Conv3d(1, 2, 1)

    assert capacity(build("linear")) == 4
    with pytest.raises(ConfigError, match="'SSN3D' is not one of linear"):
        build("SSN3D")


@given(hnp.arrays(np.uint8, (1, 8, 8, 8), elements=st.integers(0, 1)), st.sampled_from([1, 2, 4]))
def test_no_answer_in_blocks_has_a_higher_miou_than_the_ceiling(
    masks: np.ndarray, block: int
) -> None:
    def miou(answer: np.ndarray) -> float:
        ious = []
        for of_class in (0, 1):
            predicted, true = answer == of_class, masks == of_class
            union = np.count_nonzero(predicted | true)
            ious.append(np.count_nonzero(predicted & true) / union if union else 1.0)
        return float(np.mean(ious))

    best = block_ceiling(masks, block)
    assert constant_in_blocks(torch.from_numpy(best)[None], block)
    for corner in np.ndindex(8 // block, 8 // block, 8 // block):  # flip any block
        other = best.copy()
        cube = tuple(slice(block * i, block * (i + 1)) for i in corner)
        other[(0, *cube)] ^= 1
        assert miou(other) <= miou(best) + 1e-9
    if block == 1:
        assert (best == masks).all()


def test_ceiling_of_a_sphere_falls_with_the_block_as_the_facts_say() -> None:
    axis = np.arange(40) - 19.3
    radius = (1350 / (4 / 3 * np.pi)) ** (1 / 3)  # the paper's mean mask
    z, y, x = np.meshgrid(axis, axis, axis, indexing="ij")
    masks = (z**2 + y**2 + x**2 < radius**2).astype(np.uint8)[None]
    miou = {}
    for block in (1, 2, 8):
        table = per_subtomogram_table([0], [""], block_ceiling(masks, block), masks)
        miou[block] = table[["iou_background", "iou_foreground"]].mean(axis=1)[0]
    assert miou[1] == 100
    assert 88 < miou[2] < 97
    assert 60 < miou[8] < 85
