"""Loss and learning-rate schedule; the Dice loss and the cosine are not in the paper."""

import math

import torch
from torch import Tensor

from ssn3d.core.classes import CLASSES as NAMES
from ssn3d.segmentation.networks.layers import CLASSES
from ssn3d.segmentation.settings import TrainingSettings
from ssn3d.segmentation.training.validation import loss_sum


def learning_rate(settings: TrainingSettings, step: int, steps: int) -> float:
    """Learning rate of a step (from 0) of `steps` in all epochs."""
    if settings.learning_rate_decay == "cosine":
        return settings.learning_rate * (1 + math.cos(math.pi * step / steps)) / 2
    return settings.learning_rate / (1 + settings.learning_rate_decay * step)


def training_loss(
    logits: Tensor, masks: Tensor, settings: TrainingSettings, batch_size: int
) -> Tensor:
    """Contribution of a micro-batch to the loss of its batch of `batch_size` subtomograms."""
    weights = None
    if settings.class_weights:
        weights = torch.ones(logits.shape[1], device=logits.device)
        for name, weight in settings.class_weights.items():
            weights[NAMES.index(name)] = weight
    loss = loss_sum(logits, masks, weights) / (batch_size * masks[0].numel())
    if settings.loss == "cross_entropy_and_dice":
        loss = loss + dice_losses(logits, masks).sum() / batch_size
    return loss


def dice_losses(logits: Tensor, masks: Tensor) -> Tensor:
    """Dice losses (m,): 1 - Dice coefficient of foreground and mask (Milletari et al. 2016, 3DV).

    `logits` are (m, classes, s, s, s), `masks` (m, s, s, s) are numbers of classes. One voxel is
    added to all sums, so that an empty prediction of an empty mask has no loss. Of several classes
    it is the mean of those that a subtomogram contains, 0 if it has none: a loss for each voxel of
    a class that is not there teaches a network never to predict rare classes.
    """
    probabilities, masks = logits.softmax(dim=1), masks.to(logits.device, non_blocking=True)
    zeros = torch.zeros(len(masks), dtype=logits.dtype, device=logits.device)
    losses, counts = zeros, zeros
    several = logits.shape[1] > CLASSES
    for number in range(1, logits.shape[1]):
        probability = probabilities[:, number].flatten(1)
        truth = (masks == number).to(probability.dtype).flatten(1)
        voxels = truth.sum(dim=1)
        overlap = 2 * (probability * truth).sum(dim=1) + 1
        counted = (voxels > 0).to(probability.dtype) if several else torch.ones_like(voxels)
        losses = losses + counted * (1 - overlap / (probability.sum(dim=1) + voxels + 1))
        counts = counts + counted
    return losses / counts.clamp_min(1)
