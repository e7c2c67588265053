"""What a training may do beyond the paper's: Dice loss, cosine decay, flips, averaged weights."""

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from sections import changed, section
from ssn3d.segmentation.recipe import (
    averaged_weights,
    dice_losses,
    flipped,
    learning_rate,
    training_loss,
)

PAPER = section("training")


def logits_of(foreground: torch.Tensor) -> torch.Tensor:
    """Logits whose softmax gives these probabilities."""
    return torch.stack([torch.log1p(-foreground), torch.log(foreground)], dim=1)


def test_dice_is_the_overlap_of_probabilities_and_mask():
    masks = torch.zeros(2, 4, 4, 4, dtype=torch.uint8)
    masks[0, :2] = 1
    sure = masks.float().clamp(1e-6, 1 - 1e-6)
    torch.testing.assert_close(
        dice_losses(logits_of(sure), masks), torch.zeros(2), atol=1e-3, rtol=0
    )
    # half sure of everything: overlap 16, sums 32 and 32, and one voxel more in each
    half = logits_of(torch.full((1, 4, 4, 4), 0.5))
    torch.testing.assert_close(dice_losses(half, masks[:1]), torch.tensor([1 - 33 / 65]))


def test_the_loss_of_a_batch_does_not_depend_on_micro_batches():
    rng = torch.Generator().manual_seed(0)
    logits = torch.randn(5, 2, 8, 8, 8, generator=rng)
    masks = (torch.rand(5, 8, 8, 8, generator=rng) > 0.7).to(torch.uint8)
    settings = changed(PAPER, loss="cross_entropy_and_dice")
    parts = [training_loss(logits[i], masks[i], settings, 5) for i in (slice(0, 2), slice(2, 5))]
    expected = cross_entropy(logits, masks.long()) + dice_losses(logits, masks).mean()
    torch.testing.assert_close(sum(parts), expected)


def test_the_cosine_ends_at_zero_and_is_half_way_at_the_middle():
    settings = changed(PAPER, learning_rate=0.01, learning_rate_decay="cosine")
    rates = [learning_rate(settings, step, 100) for step in (0, 50, 100)]
    assert rates == pytest.approx([0.01, 0.005, 0.0])


def test_flips_turn_images_and_masks_alike_and_nothing_else_moves():
    images = torch.arange(3 * 8.0).reshape(3, 2, 2, 2)
    masks = images.clone()
    flips = np.array([9, 0, 9, 6, 1])  # rows 1, 3 and 4 are read: none; y and x; z
    groups = [np.array([1, 3]), np.array([4])]
    read = [(images[:2].clone(), masks[:2].clone()), (images[2:].clone(), masks[2:].clone())]
    (one, mask), (other, _) = flipped(read, groups, flips)
    assert torch.equal(one[0], images[0])
    assert torch.equal(one[1], images[1].flip(1, 2))
    assert torch.equal(other[0], images[2].flip(0))
    assert torch.equal(mask, one)


def test_the_average_follows_the_weights_by_its_decay():
    network = torch.nn.Linear(1, 1, bias=False)
    average = averaged_weights(network, changed(PAPER, weights_average_decay=0.75))
    assert average is not None
    for value in (8.0, 4.0, 0.0):  # the first is taken as it is
        torch.nn.init.constant_(network.weight, value)
        average.update_parameters(network)
    assert average.module.weight.item() == pytest.approx(0.75 * (0.75 * 8 + 0.25 * 4))
    assert averaged_weights(network, PAPER) is None
