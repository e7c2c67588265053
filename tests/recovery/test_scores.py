"""Picks and targets against a truth made by hand."""

import numpy as np
import pytest

from datasets import particles_of
from own_tomograms import spheres
from ssn3d.core.background import Background
from ssn3d.core.classes import CLASSES as VOXEL_CLASSES
from ssn3d.core.classes import labels_title
from ssn3d.core.errors import DataError
from ssn3d.io.files import read_json
from ssn3d.io.mrc import write_mrc
from ssn3d.io.particles.files import write_particle_table
from ssn3d.io.particles.frame import TomogramFrame
from ssn3d.io.particles.simulated import write_background, write_particles
from ssn3d.io.particles.table import ParticleTable
from ssn3d.io.tables import read_csv
from ssn3d.recovery.scores import MATCHES, OF_FOUND, Truth, picks_of, score_sample

SHAPE = (30, 40, 50)
CENTRES = np.array([[10.0, 10, 10], [15, 25, 30], [-3, 5, 5], [20, 8, 40]])
CLASSES = np.array(["1KP8", "2GLS", "2GLS", "1KP8"])
PICKS = np.array([[16.0, 26, 30], [25, 35, 10], [11, 10, 10]])
"""The first is of particle 2, the last of 1, the other of none."""
BACKGROUND = Background(
    np.array(["fiducial", "membrane protein"]),
    np.array([[25.0, 25, 10], [25, 8, 8]]),
    np.full(2, 60.0),
)


@pytest.fixture(name="files")
def write_files(tmp_path):
    """Write the truth, and picks whose targets are a voxel off, of a tomogram of 10 A."""
    labels = np.zeros(SHAPE, np.uint16)
    for number in (1, 2, 4):
        labels[spheres(SHAPE, CENTRES[number - 1 : number], 4)] = number
    labels[spheres(SHAPE, BACKGROUND.centres[:1], 3)] = 5
    labels[spheres(SHAPE, BACKGROUND.centres[1:], 3)] = 6
    write_mrc(tmp_path / "labels.mrc", labels, 10.0)
    write_background(tmp_path / "ground.star", BACKGROUND, 5, "t")
    write_particles(tmp_path / "true.star", particles_of(CENTRES, CLASSES), "t", 10.0)
    table = ParticleTable.of_picks("t", PICKS, np.array([3.0, 2.0, 1.0]))
    frame = TomogramFrame.of_volume(SHAPE, 10.0)
    write_particle_table(tmp_path / "picks.star", table, frame, tomogram="t")
    instances = np.zeros(SHAPE, np.uint16)
    instances[spheres(SHAPE, PICKS[:1], 4)] = 1
    instances[spheres(SHAPE, PICKS[1:2], 4)] = 2  # the target of the last is empty
    write_mrc(tmp_path / "instances.mrc", instances, 10.0)
    return tmp_path


def score(files, structure=None, instances="instances.mrc"):
    score_sample(
        Truth(files / "true.star", files / "labels.mrc", files / "ground.star"),
        files / "picks.star",
        files / instances,
        20.0,
        structure=structure,
        matches=files / "matches.csv",
        counts=files / "counts.json",
    )
    return read_csv(files / "matches.csv", MATCHES, may_be_empty=OF_FOUND)


def test_matches(files):
    table = score(files)
    assert table["label"].tolist() == [1, 2, 4]
    assert table["pick"].tolist() == [3, 1, 0]
    np.testing.assert_allclose(table["distance_angstrom"], [10, np.sqrt(200), np.nan])
    one, other = (spheres(SHAPE, [centre], 4) for centre in (PICKS[0], CENTRES[1]))
    np.testing.assert_allclose(table["iou"], [0, (one & other).sum() / (one | other).sum(), np.nan])
    assert read_json(files / "counts.json") == {"picks": 3, "voxels": None}
    assert picks_of(files / "matches.csv", "1KP8").tolist() == [2]


@pytest.mark.parametrize("classes", [2, 5])
def test_background_objects(files, classes):
    """Networks of two classes take membrane proteins for background."""
    whole = spheres(SHAPE, CENTRES[[0]], 4) | spheres(SHAPE, BACKGROUND.centres, 3)
    title = labels_title(VOXEL_CLASSES[:classes])
    write_mrc(files / "whole.mrc", whole.astype(np.uint16), 10.0, label=title)
    score(files, files / "whole.mrc")
    one = int(spheres(SHAPE, CENTRES[[0]], 4).sum())
    protein = int(spheres(SHAPE, BACKGROUND.centres[1:], 3).sum()) if classes > 2 else 0
    voxels = read_json(files / "counts.json")["voxels"]
    assert voxels == [one + protein, int(whole.sum()), 3 * one + protein]


def test_unequal_shapes_are_refused(files):
    write_mrc(files / "small.mrc", np.zeros((5, 5, 5), np.uint16), 10.0)
    with pytest.raises(DataError, match=r"small\.mrc: \(5, 5, 5\) voxels, the truth has"):
        score(files, instances="small.mrc")
