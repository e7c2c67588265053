"""What writes a small file of a kind, for tests of damaged files and of full disks."""

import numpy as np
import torch

from datasets import dataset_of, particles_of, write_shard_of
from ssn3d.core.seeds import generator
from ssn3d.io.mrc import write_mrc
from ssn3d.segmentation.evaluation.metrics import SEGMENTED
from ssn3d.segmentation.evaluation.run_io import write_scores
from ssn3d.segmentation.training.checkpoint import write_tensors
from ssn3d.structures.structure import structure_from_points, write_structure

RNG = generator(0, "sample files")
N, SIZE = 12, 16
MASKS = RNG.integers(0, 2, (N, SIZE, SIZE, SIZE), dtype=np.uint8)
PARTICLES = particles_of(
    RNG.uniform(0, 50, (N, 3)),
    np.array(["1KP8", "2GLS", "1E10"] * (N // 3)),
    RNG.standard_normal((N, 3, 3)),
)


def structure(path):
    points, masses = RNG.normal(size=(400, 3)) * 20, RNG.uniform(60, 190, 400)
    write_structure(path, structure_from_points("1ABC", points, masses, "deposited"))


def volume(path):
    write_mrc(path, RNG.standard_normal((12, 8, 10), dtype=np.float32), 10.0, label="a label")


def shard(path):
    write_shard_of(path, RNG.standard_normal(MASKS.shape), MASKS, PARTICLES, snr_measured=0.498)


def scores(path, predictions=None, repeats=1):
    """Write a table of scores of all subtomograms, or of each of them so many times."""
    rows = np.repeat(np.arange(N), repeats)
    found = [(MASKS[rows], MASKS[rows][::-1], [SEGMENTED] * len(rows))]
    write_scores(path, dataset_of(PARTICLES, SIZE), rows, found, predictions=predictions)


def predictions(path):
    scores(path.with_suffix(".csv"), path)


def checkpoint(path):
    tensors = {f"layer{i}": torch.from_numpy(RNG.random((20, 20))) for i in range(3)}
    write_tensors(path, {"fingerprint": "f", "weights": tensors, "history": [{"epoch": 1}]})
