"""Dice loss and cosine decay."""

import pytest
import torch
from torch.nn.functional import cross_entropy

from sections import changed, section
from ssn3d.core.classes import FILAMENT
from ssn3d.segmentation.training.losses import dice_losses, learning_rate, training_loss

PAPER = section("training")


def logits_of(foreground):
    """Logits whose softmax gives these probabilities."""
    return torch.stack([torch.log1p(-foreground), torch.log(foreground)], dim=1)


def test_dice_loss():
    masks = torch.zeros(2, 4, 4, 4, dtype=torch.uint8)
    masks[0, :2] = 1
    sure = masks.float().clamp(1e-6, 1 - 1e-6)
    torch.testing.assert_close(
        dice_losses(logits_of(sure), masks), torch.zeros(2), atol=1e-3, rtol=0
    )
    # half sure of everything: overlap 16, sums 32 and 32, and one voxel more in each
    half = logits_of(torch.full((1, 4, 4, 4), 0.5))
    torch.testing.assert_close(dice_losses(half, masks[:1]), torch.tensor([1 - 33 / 65]))


def test_loss_of_micro_batches():
    rng = torch.Generator().manual_seed(0)
    logits = torch.randn(5, 2, 8, 8, 8, generator=rng)
    masks = (torch.rand(5, 8, 8, 8, generator=rng) > 0.7).to(torch.uint8)
    settings = changed(PAPER, loss="cross_entropy_and_dice")
    parts = [training_loss(logits[i], masks[i], settings, 5) for i in (slice(0, 2), slice(2, 5))]
    expected = cross_entropy(logits, masks.long()) + dice_losses(logits, masks).mean()
    torch.testing.assert_close(sum(parts), expected)


def test_class_weights():
    rng = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 5, 8, 8, 8, generator=rng)
    masks = torch.randint(5, (2, 8, 8, 8), generator=rng)
    losses = cross_entropy(logits, masks, reduction="none")
    expected = (losses * torch.where(masks == FILAMENT, 3.0, 1.0)).mean()
    settings = changed(PAPER, class_weights={"filament": 3.0})
    torch.testing.assert_close(training_loss(logits, masks, settings, 2), expected)


def test_cosine_decay():
    settings = changed(PAPER, learning_rate=0.01, learning_rate_decay="cosine")
    rates = [learning_rate(settings, step, 100) for step in (0, 50, 100)]
    assert rates == pytest.approx([0.01, 0.005, 0.0])
