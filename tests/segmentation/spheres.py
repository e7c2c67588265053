"""Small datasets that a network learns in seconds: dark spheres in noise."""

from dataclasses import dataclass

import numpy as np

from ssn3d.subtomograms.samples import Arrays


@dataclass(frozen=True)
class Spheres:
    samples: Arrays
    train_rows: np.ndarray
    validation_rows: np.ndarray


def make_spheres(count, seed, size=16):
    """Spheres about the centre, darker than white noise by three of its standard deviations."""
    rng = np.random.default_rng(seed)
    axis = np.arange(size) - size / 2
    zyx = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1)
    centres = rng.uniform(-size / 8, size / 8, (count, 1, 1, 1, 3))
    radii = rng.uniform(0.2 * size, 0.3 * size, (count, 1, 1, 1))
    masks = (np.linalg.norm(zyx - centres, axis=-1) < radii).astype(np.uint8)
    images = rng.normal(size=masks.shape) - 3.0 * masks
    images -= images.mean(axis=(1, 2, 3), keepdims=True)
    images /= images.std(axis=(1, 2, 3), keepdims=True)
    return images.astype(np.float16), masks


def dataset_of_spheres(train, validation, size):
    samples = Arrays(*make_spheres(train + validation, seed=1, size=size))
    return Spheres(samples, np.arange(train), np.arange(train, train + validation))
