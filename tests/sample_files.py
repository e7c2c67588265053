"""What writes a small file of a kind, for tests of damaged files and of full disks."""

import numpy as np
import torch

from datasets import subtomograms_of
from ssn3d.mrc import write_mrc
from ssn3d.seeds import generator
from ssn3d.segmentation.checkpoint import write_tensors
from ssn3d.segmentation.metrics import per_subtomogram_table
from ssn3d.segmentation.run_files import write_predictions
from ssn3d.structures.structure import structure_from_points, write_structure
from ssn3d.subtomograms.store import write_subtomograms

RNG = generator(0, "sample files")
N, SIZE = 12, 16
IDS = np.array(["1KP8", "2GLS", "1E10"] * (N // 3))
MASKS = RNG.integers(0, 2, (N, SIZE, SIZE, SIZE), dtype=np.uint8)
SCORES = per_subtomogram_table(np.arange(N), IDS, MASKS, MASKS[::-1])


def structure(path):
    points, masses = RNG.normal(size=(400, 3)) * 20, RNG.uniform(60, 190, 400)
    write_structure(path, structure_from_points("1ABC", points, masses, "deposited"))


def volume(path):
    write_mrc(path, RNG.standard_normal((12, 8, 10), dtype=np.float32), 10.0, label="a label")


def dataset(path):
    images = RNG.standard_normal(MASKS.shape)
    content = subtomograms_of(images, masks=MASKS, pdb_ids=IDS, snr_measured=0.498)
    write_subtomograms(path, content, {"seed": 1})


def predictions(path):
    write_predictions(path.with_suffix(".csv"), path, SCORES, MASKS)


def checkpoint(path):
    tensors = {f"layer{i}": torch.from_numpy(RNG.random((20, 20))) for i in range(3)}
    write_tensors(path, {"fingerprint": "f", "weights": tensors, "history": [{"epoch": 1}]})
