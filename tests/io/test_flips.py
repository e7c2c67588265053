"""A flipped byte or a file cut off: an error on one line or no harm; never a wrong result.

HDF5 files, weights, MRC files and structures carry checksums, so every flip is noticed or harmless.
A coordinate file carries none: there a flip is an error, or makes another valid file.
"""

import sys
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

import sample_files
from ssn3d.core.errors import SSN3DError
from ssn3d.core.seeds import generator
from ssn3d.io.mrc import read_mrc
from ssn3d.io.volumes import open_volume
from ssn3d.segmentation.evaluation.run_io import read_prediction
from ssn3d.segmentation.training.checkpoint import read_checkpoint
from ssn3d.structures.structure import read_structure
from ssn3d.subtomograms.store import open_shard

sys.path.insert(0, str(Path(__file__).parents[1] / "structures"))
from synthetic_entries import cif_text, make_entry, pdb_text, read_entry

FLIPS = 100
HEADER = 64
CUTS = 20


def read_shard(path):
    opened = open_shard(path)
    return opened, opened.read(np.arange(sample_files.N))


def read_predictions(path):
    return tuple(read_prediction(path, "t1", label) for label in range(1, sample_files.N + 1))


@dataclass(frozen=True)
class Kind:
    """A kind of file: its name, what writes one, and what reads it."""

    name: str
    write: object
    read: object


CHECKED = [
    Kind("1ABC.npz", sample_files.structure, read_structure),
    Kind("density.mrc", sample_files.volume, read_mrc),
    Kind("shape.mrc", sample_files.volume, lambda path: open_volume(path).shape),
    Kind("A.h5", sample_files.shard, read_shard),
    Kind("predictions.h5", sample_files.predictions, read_predictions),
    Kind("checkpoint.pt", sample_files.checkpoint, lambda path: read_checkpoint(path, "f")),
]
COORDINATES = [
    Kind("1ABC.cif", lambda path: path.write_text(cif_text(make_entry())), read_entry),
    Kind("1ABC.pdb", lambda path: path.write_text(pdb_text(make_entry())), read_entry),
]


def read_or_fault(kind, path):
    """Return what was read, or the error's line; any error that is not ours fails the test."""
    try:
        return kind.read(path), None
    except SSN3DError as error:
        return None, str(error)


def flips(content, rng):
    """Yield copies with one byte flipped: each of the header, and random others."""
    places = [*range(min(HEADER, len(content))), *rng.integers(len(content), size=FLIPS).tolist()]
    for place in places:
        damaged = bytearray(content)
        damaged[place] ^= int(rng.integers(1, 256))
        yield bytes(damaged)


def same(one, other):
    """Return True if two results are equal to the bit, in all their parts."""
    if is_dataclass(one):
        return all(same(getattr(one, f.name), getattr(other, f.name)) for f in fields(one))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, (np.ndarray, torch.Tensor)):
        return one.dtype == other.dtype and np.array_equal(one, other)
    return bool(one == other)


@pytest.mark.parametrize("kind", [*CHECKED, *COORDINATES], ids=lambda kind: kind.name)
def test_flipped_bytes(kind, tmp_path):
    path = tmp_path / kind.name
    kind.write(path)
    whole, fault = read_or_fault(kind, path)
    assert fault is None
    faults = 0
    for damaged in flips(path.read_bytes(), generator(1, "flips", kind.name)):
        path.write_bytes(damaged)
        read, fault = read_or_fault(kind, path)
        if fault is not None:
            faults += 1
            assert kind.name in fault
        elif kind in CHECKED:
            assert same(read, whole)
    assert faults > 0


@pytest.mark.parametrize("kind", CHECKED, ids=lambda kind: kind.name)
def test_truncated_files(kind, tmp_path):
    path = tmp_path / kind.name
    kind.write(path)
    content = path.read_bytes()
    for length in generator(2, "cuts").integers(len(content) - 1, size=CUTS).tolist():
        path.write_bytes(content[:length])
        _, fault = read_or_fault(kind, path)
        assert fault is not None, length
        assert str(path) in fault
        assert any(word in fault for word in ("delete it", "restore it", "again"))  # what to do
