"""Small datasets that a network learns in seconds, dark spheres in noise, and trainings on them."""

from dataclasses import dataclass, replace

import numpy as np
import torch

from sections import section
from ssn3d.segmentation.training.train import train
from ssn3d.subtomograms.samples import Arrays

QUICK = section(
    "training", device="cpu", precision="float32", batch_size=8, micro_batch_size=4, epochs=3,
    dropout=0.5,
)  # fmt: skip


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


def few(spheres, count):
    return replace(spheres, train_rows=spheres.train_rows[:count])


def train_on(spheres, settings=QUICK, network="SSN3D-v2", checkpoint=None, seed=1):
    rows = spheres.train_rows, spheres.validation_rows
    named = {"seed": seed, "run_name": "test", "checkpoint_path": checkpoint}
    return train(spheres.samples, *rows, network, settings=settings, **named)


def same_weights(one, other):
    a, b = one.network.state_dict(), other.network.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)
