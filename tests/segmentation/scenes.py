"""Scenes with known answers for the baselines: dark balls in noise."""

import numpy as np
from scipy import ndimage


def ball(radius, centre=(20, 20, 20), size=40):
    """Mask (size, size, size) of a ball."""
    offsets = np.indices((size,) * 3) - np.reshape(centre, (3, 1, 1, 1))
    return (offsets**2).sum(axis=0) <= radius**2


def image_of(truth, noise, seed=0):
    """Protein is dark, blurred to 40 angstrom at 10 angstrom a voxel, in white noise."""
    density = ndimage.gaussian_filter(truth.astype(float), 1.155)
    white = np.random.default_rng(seed).normal(size=density.shape)
    return (noise * white - density).astype(np.float32)


def iou(mask, truth):
    return (mask & truth).sum() / (mask | truth).sum()
