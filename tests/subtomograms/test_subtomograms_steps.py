"""The stage on files of two tomograms: the right cube from the right tomogram."""

import json
import tracemalloc

import h5py
import numpy as np
import pandas as pd
import pytest
from scipy.spatial.transform import Rotation

from sections import section
from ssn3d.csv_files import write_csv
from ssn3d.errors import DataError
from ssn3d.files import write_json
from ssn3d.mrc import write_mrc
from ssn3d.particles import Particles
from ssn3d.seeds import generator
from ssn3d.star import write_particles
from ssn3d.subtomograms.selection import read_selection
from ssn3d.subtomograms.steps import extract_subtomograms, select_particles
from ssn3d.subtomograms.store import read_subtomograms

SHAPE, SIZE, COUNT = (40, 50, 60), 16, 40
FILES = {
    "tomogram": "A.mrc",
    "labels": "labels.mrc",
    "particles": "particles.star",
    "summary": "A.json",
}


class World:
    """Two tomograms of noise, with labels, particles and files."""

    def __init__(self, folder, shape=SHAPE):
        rng = generator(0, "world")
        self.folder, self.shape = folder, shape
        self.volumes, self.labels, self.particles, self.files = {}, {}, {}, {}
        for name, count, snr in (("t1", 180, 0.48), ("t2", 120, 0.54)):
            files = {kind: folder / name / file for kind, file in FILES.items()}
            volume = rng.normal(7, 3, shape).astype(np.float32)
            labels = rng.integers(0, count + 1, shape, dtype=np.uint16)
            ids = rng.choice(["1AAA", "2BBB", "1E10"], count, p=[0.6, 0.3, 0.1])
            centres = rng.uniform(-4, np.array(shape) + 4, (count, 3))
            centres[[0, -1]] = np.array(shape) / 2 + [[0.2, 0.3, -0.4], [-3, 2, 4]]  # inside
            particles = Particles(ids, centres, Rotation.random(count, rng=rng).as_matrix())
            write_mrc(files["tomogram"], volume, 12.5)
            write_mrc(files["labels"], labels, 12.5)
            write_particles(files["particles"], particles, name, 12.5)
            write_json(files["summary"], {"snr_asked": 0.5, "snr_measured": snr})
            self.volumes[name], self.labels[name] = volume, labels
            self.particles[name], self.files[name] = particles, files
        write_json(folder / "1AAA.json", {"pdb_id": "1AAA"})

    def inside(self):
        """Tomogram and label of the particles whose crops lie inside."""
        return {
            (name, label)
            for name, particles in self.particles.items()
            for label, centre in enumerate(particles.centres, start=1)
            if all(8 <= round(c) <= n - 8 for c, n in zip(centre, self.shape, strict=True))
        }

    def select(self, selection, *, seed=3, count=COUNT, balanced=False):
        settings = section("subtomograms", size_voxels=SIZE, count=count, balanced=balanced)
        stars = {name: files["particles"] for name, files in self.files.items()}
        select_particles(stars, self.shape, settings, seed, selection=selection)
        return read_selection(selection)

    def extract(self, selection, dataset, size=SIZE, tomograms=("t1", "t2")):
        extract_subtomograms(
            selection=selection,
            tomograms={name: self.files[name] for name in tomograms},
            size_voxels=size,
            seed=3,
            dataset_name="A",
            structures=[self.folder / "1AAA.json"],
            dataset=dataset,
        )


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return World(tmp_path_factory.mktemp("world"))


def test_the_right_cube_is_cut_from_the_right_tomogram(world, tmp_path):
    table = world.select(tmp_path / "selection.csv", count=len(world.inside()))
    assert {("t1", 1), ("t1", 180), ("t2", 1), ("t2", 120)} < world.inside()
    world.extract(tmp_path / "selection.csv", tmp_path / "A.h5")
    found = read_subtomograms(tmp_path / "A.h5")
    assert len(found) == len(table) == len(world.inside())
    for row, (tomogram, label, pdb_id) in enumerate(table.itertuples(index=False)):
        particles = world.particles[tomogram]
        assert (found.tomograms[row], found.labels[row]) == (tomogram, label)
        assert found.pdb_ids[row] == particles.pdb_ids[label - 1] == pdb_id
        centre = particles.centres[label - 1]
        np.testing.assert_allclose(found.centres[row], centre, atol=1e-5)
        np.testing.assert_allclose(found.rotations[row], particles.rotations[label - 1], atol=1e-7)
        z, y, x = (round(c) - SIZE // 2 for c in centre)  # of the first voxel
        cube = np.s_[z : z + SIZE, y : y + SIZE, x : x + SIZE]
        expected = world.volumes[tomogram][cube].astype(float)
        expected = (expected - expected.mean()) / expected.std()
        np.testing.assert_allclose(found.images[row], expected, rtol=1e-3, atol=1e-4)
        np.testing.assert_array_equal(found.masks[row], world.labels[tomogram][cube] == label)


def test_a_dataset_says_where_it_is_from(world, tmp_path, caplog):
    with caplog.at_level("INFO", logger="ssn3d"):
        world.select(tmp_path / "selection.csv")
        world.extract(tmp_path / "selection.csv", tmp_path / "A.h5")
    found = read_subtomograms(tmp_path / "A.h5")
    mean_mask = np.mean([np.count_nonzero(mask) for mask in found.masks])
    assert caplog.messages == [
        "40 subtomograms of 3 structures",
        f"40 subtomograms, mean mask {mean_mask:.0f} voxels",
    ]
    assert found.labels.dtype == np.int32
    assert (found.dataset, found.snr_asked, found.voxel_size_angstrom) == ("A", 0.5, 12.5)
    assert found.snr_measured == pytest.approx(0.51)  # of both tomograms
    with h5py.File(tmp_path / "A.h5") as file:
        provenance = json.loads(file.attrs["provenance"])
    assert provenance["seed"] == 3
    assert provenance["settings"] == {"size_voxels": SIZE}
    assert provenance["structures"] == [{"pdb_id": "1AAA"}]
    assert [summary["snr_measured"] for summary in provenance["tomograms"]] == [0.48, 0.54]


def test_one_tomogram_is_enough(world, tmp_path):
    table = world.select(tmp_path / "s.csv")
    write_csv(tmp_path / "s.csv", table[table["tomogram"] == "t2"])
    world.extract(tmp_path / "s.csv", tmp_path / "A.h5", tomograms=["t2"])
    found = read_subtomograms(tmp_path / "A.h5")
    assert set(found.tomograms) == {"t2"}
    assert (found.snr_asked, found.snr_measured) == (0.5, 0.54)


def test_rows_are_the_selections_whatever_its_order(world, tmp_path):
    table = world.select(tmp_path / "selection.csv")
    write_csv(tmp_path / "reversed.csv", table[::-1])
    for name in ("selection", "reversed"):
        world.extract(tmp_path / f"{name}.csv", tmp_path / f"{name}.h5")
    one, other = (read_subtomograms(tmp_path / f"{n}.h5") for n in ("selection", "reversed"))
    for field in ("images", "masks", "pdb_ids", "tomograms", "labels", "centres", "rotations"):
        np.testing.assert_array_equal(getattr(one, field), getattr(other, field)[::-1])


def test_selection_is_of_particles_whose_crops_lie_inside(world, tmp_path):
    inside = world.inside()
    everything = world.select(tmp_path / "s.csv", count=len(inside))
    assert set(zip(everything["tomogram"], everything["label"], strict=True)) == inside
    with pytest.raises(DataError, match=f"count: {len(inside) + 1} asked for, {len(inside)} crops"):
        world.select(tmp_path / "s.csv", count=len(inside) + 1)


def test_balanced_selection_is_over_all_tomograms(world, tmp_path):
    ids = [world.particles[name].pdb_ids[label - 1] for name, label in world.inside()]
    rare = ids.count("1E10")
    chosen = world.select(tmp_path / "s.csv", count=30, balanced=True)
    assert chosen["pdb_id"].value_counts().to_dict() == {
        "1E10": rare, "1AAA": (30 - rare) // 2, "2BBB": (30 - rare) // 2
    }  # fmt: skip
    assert chosen.groupby("pdb_id")["tomogram"].nunique().min() == 2


def test_the_same_seed_selects_the_same(world, tmp_path):
    first = world.select(tmp_path / "s.csv")
    assert world.select(tmp_path / "s.csv").equals(first)
    assert not world.select(tmp_path / "s.csv", seed=4).equals(first)


FOREIGN = r"was not made from .*t1/particles\.star"


@pytest.mark.parametrize(
    ("column", "value", "fault"),
    [
        ("tomogram", "t3", r"has unknown tomograms \['t3'\]"),
        ("label", 0, FOREIGN),
        ("label", 181, FOREIGN),
        ("pdb_id", "9ZZZ", FOREIGN),
    ],
)
def test_a_selection_of_other_tomograms_is_one_line(column, value, fault, world, tmp_path):
    table = world.select(tmp_path / "s.csv")
    write_csv(tmp_path / "s.csv", table.assign(**{column: [value, *table[column][1:]]}))
    with pytest.raises(DataError, match=rf"s\.csv: {fault}; delete it and rerun"):
        world.extract(tmp_path / "s.csv", tmp_path / "A.h5")
    assert not (tmp_path / "A.h5").exists()


def test_a_selection_of_smaller_crops_is_one_line(world, tmp_path):
    world.select(tmp_path / "s.csv", count=len(world.inside()))
    with pytest.raises(DataError, match=r"s\.csv: crops of 24 voxels extend beyond .*t1/A\.mrc"):
        world.extract(tmp_path / "s.csv", tmp_path / "A.h5", size=24)


def peak_of_extraction(world, selection):
    """Peak memory of an extraction, in bytes."""
    dataset = selection.with_suffix(".h5")
    world.extract(selection, dataset)  # imports and caches
    tracemalloc.start()
    world.extract(selection, dataset)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_extraction_holds_little_more_than_its_dataset(world, tmp_path):
    """Six bytes a voxel, as the rule requests on top of the libraries."""
    table = pd.concat([world.select(tmp_path / "s.csv")] * 12)
    write_csv(tmp_path / "s.csv", table)
    asked = 6 * len(table) * SIZE**3 + 6 * np.prod(SHAPE)
    assert peak_of_extraction(world, tmp_path / "s.csv") < asked


def test_extraction_holds_one_tomogram_at_a_time(tmp_path):
    world = World(tmp_path, (80, 80, 80))
    table = world.select(tmp_path / "s.csv", count=20)
    assert set(table["tomogram"]) == {"t1", "t2"}
    densities_and_labels = (4 + 2) * 80**3
    dataset = 3 * len(table) * SIZE**3
    peak = peak_of_extraction(world, tmp_path / "s.csv")
    assert densities_and_labels < peak < 1.4 * densities_and_labels + dataset
