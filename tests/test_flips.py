"""A flipped byte in a file: an error on one line, or no harm; no traceback, no hang, no lie.

What one stage writes for another carries checksums, so that a flip is noticed or harmless. What
people write carries none: there a flip is an error, or makes another file that is read as it is.
"""

import gzip
import shutil
import signal
import sys
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from scipy.spatial.transform import Rotation

from ssn3d.config import load_config
from ssn3d.csv_files import write_csv
from ssn3d.errors import SSN3DError
from ssn3d.files import read_json, write_json
from ssn3d.mrc import read_mrc, shape_of_mrc, write_mrc
from ssn3d.particles import Particles
from ssn3d.report.figures_runtime import read_benchmarks
from ssn3d.report.read_runs import read_history, read_per_subtomogram
from ssn3d.report.tables import paper_complexes, table2
from ssn3d.seeds import generator
from ssn3d.segmentation.checkpoint import read_checkpoint, write_tensors
from ssn3d.segmentation.metrics import per_subtomogram_table
from ssn3d.segmentation.networks import build_network
from ssn3d.segmentation.predict import load_network
from ssn3d.segmentation.predictions import read_predictions, write_predictions
from ssn3d.star import read_particles, write_particles
from ssn3d.structures.coordinates import (
    check_entry_id,
    entry_structure,
    file_content,
    parse_entry,
)
from ssn3d.structures.fetch import read_lock
from ssn3d.structures.ids import read_pdb_ids, read_superseded
from ssn3d.structures.sources import find_sources
from ssn3d.structures.structure import Structure, read_structure, write_structure
from ssn3d.structures.surrogates import read_complexes, surrogate
from ssn3d.subtomograms.selection import read_selection
from ssn3d.subtomograms.splits import read_split, split_subtomograms, write_split
from ssn3d.subtomograms.store import Subtomograms, read_subtomograms, write_subtomograms

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "tests" / "structures"))
from synthetic_entries import cif_text, make_entry, pdb_text  # noqa: E402 -- found there

FLIPS = 200
HEADER = 100
TIME_LIMIT_S = 20  # far more than any file here takes; only a hang comes near it
N, SIZE = 12, 8
RNG = generator(0, "flips")
IDS = np.array(["1KP8", "2GLS", "1E10"] * (N // 3))
MASKS = RNG.integers(0, 2, (N, SIZE, SIZE, SIZE), dtype=np.uint8)
SCORES = per_subtomogram_table(np.arange(N), IDS, MASKS, MASKS[::-1])


def molecule(path):
    points = RNG.normal(size=(200, 3)) * 20
    masses = RNG.uniform(60, 190, 200)
    points -= np.average(points, axis=0, weights=masses)
    write_structure(path, Structure("1ABC", points.astype("f4"), masses.astype("f4"), "deposited"))


def volume(path):
    write_mrc(path, RNG.standard_normal((6, 8, 10), dtype=np.float32), 10.0, label="a label")


def particles(path):
    centres = RNG.uniform(-5, 600, (N, 3))
    rotations = Rotation.random(N, rng=RNG).as_matrix()
    write_particles(path, Particles(IDS, centres, rotations), "t1", 10.0)


def dataset(path):
    subtomograms = Subtomograms(
        images=RNG.standard_normal(MASKS.shape).astype(np.float16),
        masks=MASKS,
        pdb_ids=IDS,
        tomograms=np.full(N, "t1"),
        labels=np.arange(1, N + 1, dtype=np.int32),
        centres=RNG.uniform(0, 50, (N, 3)),
        rotations=RNG.standard_normal((N, 3, 3)),
        dataset="A",
        snr_asked=0.5,
        snr_measured=0.498,
        voxel_size_angstrom=10.0,
    )
    write_subtomograms(path, subtomograms, {"seed": 1})


def split(path):
    write_split(path, IDS, split_subtomograms(IDS, 0.3, 0.3, RNG), 64 * "a")


def selection(path):
    write_csv(path, pd.DataFrame({"tomogram": "t1", "label": np.arange(3, 3 + N), "pdb_id": IDS}))


def scores(path):
    write_predictions(path, path.with_suffix(".h5"), SCORES, MASKS)


def predictions(path):
    write_predictions(path.with_suffix(".csv"), path, SCORES, MASKS)


def history(path):
    columns = ["train_loss", "validation_loss", "validation_pixel_accuracy", "validation_miou"]
    table = pd.DataFrame(RNG.random((N, 4)), columns=columns)
    write_csv(path, table.assign(epoch=np.arange(1, N + 1)))


def checkpoint(path):
    tensors = {f"layer{i}": torch.from_numpy(RNG.random((20, 20))) for i in range(3)}
    write_tensors(path, {"fingerprint": "f", "weights": tensors, "history": [{"epoch": 1}]})


def weights(path):
    network = build_network("SSN3D-ED", 0.0, torch.Generator())
    content = {"network": "SSN3D-ED", "precision": "float32", "weights": network.state_dict()}
    write_tensors(path, content)


def read_weights(path):
    network, description = load_network(path)
    return {**network.state_dict(), **description}


def summary(path):
    record = {"snr_asked": 0.5, "calibration": RNG.random(40).tolist(), "region": {"1KP8": 7.5}}
    write_json(path, record)


def read_summary(path):
    """Take what is known: a flip in the name of the checksum makes another key, and no harm."""
    record = read_json(path, "snr_asked", "calibration", "region")
    return {key: record[key] for key in ("snr_asked", "calibration", "region")}


@dataclass(frozen=True)
class Kind:
    """A kind of file: its name, what writes one, and what reads it."""

    name: str
    write: object
    read: object


CHECKED = [
    Kind("1ABC.npz", molecule, read_structure),
    Kind("density.mrc", volume, read_mrc),
    Kind("shape.mrc", volume, shape_of_mrc),
    Kind("particles.star", particles, read_particles),
    Kind("A.h5", dataset, read_subtomograms),
    Kind("random.csv", split, read_split),
    Kind("selection.csv", selection, read_selection),
    Kind("per_subtomogram.csv", scores, read_per_subtomogram),
    Kind("predictions.h5", predictions, read_predictions),
    Kind("history.csv", history, read_history),
    Kind("checkpoint.pt", checkpoint, lambda path: read_checkpoint(path, "f")),
    Kind("weights.pt", weights, read_weights),
    Kind("A.json", summary, read_summary),
]


def text(content):
    """Give what writes a text, or bytes."""
    data = content if isinstance(content, bytes) else content.encode()
    return lambda path: path.write_bytes(data)


def read_coordinates(path):
    name = str(path)
    entry = parse_entry(file_content(path), name)
    check_entry_id(entry, "1ABC", name)
    return entry_structure(entry, "1ABC", "deposited", name)


def read_folder(path):
    """Read an index.tsv."""
    return find_sources(["1ABC", "2GLS"], "folder", path.parent, allow_surrogates=True)


def index(path):
    text(cif_text(make_entry()))(path.parent / "model_1.cif")
    path.write_text(
        "file\tpdb_id\tserves_for\tnotes\n" + "".join(
            f"model_1.cif\t1ABC\t{i}\ta note\n" for i in ("1ABC", "2GLS")
        )
    )  # fmt: skip


def build_surrogates(path):
    complexes = read_complexes(path)
    return [surrogate(i, complexes) for i in ("1A1S",) if i in complexes]


def copied(name):
    return lambda path: shutil.copy(REPOSITORY / "resources" / name, path)


def paper(path):
    return table2([], {}, path.parent, path, 0)


ENTRY = make_entry()
CIF, PDB = cif_text(ENTRY), pdb_text(ENTRY)
BENCHMARK = "s\th:m:s\tmax_rss\tmax_vms\n16.81\t0:00:16\t281.5\t-\n"
PINS = "pdb_id\tsha256\n" + "".join(f"{i}ABC\t{64 * str(i)}\n" for i in range(9))
CONFIG = yaml.safe_dump(yaml.safe_load((REPOSITORY / "config.yaml").read_text()))
WRITTEN_BY_PEOPLE = [
    Kind("1ABC.cif", text(CIF), read_coordinates),
    Kind("1ABC.pdb", text(PDB), read_coordinates),
    Kind("1ABC.cif.gz", text(gzip.compress(CIF.encode(), mtime=0)), read_coordinates),
    Kind("pdb1abc.ent.gz", text(gzip.compress(PDB.encode(), mtime=0)), read_coordinates),
    Kind("config.yaml", text(CONFIG), load_config),
    Kind("pdb_ids.txt", copied("pdb_ids.txt"), read_pdb_ids),
    Kind("index.tsv", index, read_folder),
    Kind("complexes.tsv", copied("complexes.tsv"), read_complexes),
    Kind("paper_complexes.tsv", copied("complexes.tsv"), paper_complexes),
    Kind("obsolete.tsv", copied("obsolete.tsv"), read_superseded),
    Kind("archive.lock.tsv", text(PINS), read_lock),
    Kind("paper_table2.csv", copied("paper_table2.csv"), paper),
    Kind("job.tsv", text(BENCHMARK), lambda path: read_benchmarks(path.parent)),
]


@contextmanager
def time_limit(seconds):
    def stop(*_):
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def read_or_fault(kind, path):
    """Give what was read, or else the error's line; anything but an error of ours fails."""
    try:
        with time_limit(TIME_LIMIT_S):
            return kind.read(path), None
    except SSN3DError as error:
        return None, str(error)


def flips(content, rng):
    """Yield copies with one byte flipped: each of the first, where headers are, and any others."""
    places = [*range(min(HEADER, len(content))), *rng.integers(len(content), size=FLIPS).tolist()]
    for place in places:
        damaged = bytearray(content)
        damaged[place] ^= int(rng.integers(1, 256))
        yield bytes(damaged)


def same(one, other):
    """Whether two results are equal to the bit, whatever they are made of."""
    if is_dataclass(one):
        names = [field.name for field in fields(one)]
        return all(same(getattr(one, name), getattr(other, name)) for name in names)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, pd.DataFrame):
        return one.equals(other)
    if isinstance(one, (np.ndarray, torch.Tensor)):
        return one.dtype == other.dtype and np.array_equal(one, other)
    return bool(one == other)


@pytest.mark.filterwarnings("ignore::pandas.errors.ParserWarning")
@pytest.mark.parametrize("kind", [*CHECKED, *WRITTEN_BY_PEOPLE], ids=lambda kind: kind.name)
def test_a_flipped_byte_is_an_error_or_harmless(kind, tmp_path):
    path = tmp_path / kind.name
    kind.write(path)
    whole, fault = read_or_fault(kind, path)
    assert fault is None
    content = path.read_bytes()
    faults = 0
    for damaged in flips(content, generator(1, "flips", kind.name)):
        path.write_bytes(damaged)
        read, fault = read_or_fault(kind, path)
        if fault is not None:
            faults += 1
            assert "\n" not in fault
            assert kind.name in fault or kind.name == "config.yaml"  # that names its keys
        elif kind in CHECKED:
            assert same(read, whole)
    assert faults > 0


@pytest.mark.parametrize("kind", CHECKED, ids=lambda kind: kind.name)
def test_a_file_cut_off_anywhere_is_an_error(kind, tmp_path):
    path = tmp_path / kind.name
    kind.write(path)
    content = path.read_bytes()
    for length in generator(2, "cuts").integers(len(content) - 1, size=40).tolist():
        path.write_bytes(content[:length])
        _, fault = read_or_fault(kind, path)
        assert fault is not None, length
        assert str(path) in fault
        assert "again" in fault  # what to do
