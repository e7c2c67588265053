"""The stage on files: the right cube from the right place of a tomogram, and splits of them."""

import json
import tracemalloc

import h5py
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from sections import section
from ssn3d.core.background import Background
from ssn3d.core.errors import DataError
from ssn3d.core.particles import Particles
from ssn3d.core.seeds import generator
from ssn3d.io.files import write_json
from ssn3d.io.mrc import write_mrc
from ssn3d.io.particles.simulated import write_background, write_particles
from ssn3d.subtomograms.splits import PARTS
from ssn3d.subtomograms.steps import extract_subtomograms, read_dataset, split_dataset
from ssn3d.subtomograms.store import open_shard

SHAPE, SIZE, VOXEL = (40, 50, 60), 16, 12.5
FILES = {
    "tomogram": "A.mrc", "labels": "labels.mrc", "particles": "particles.star", "summary": "A.json"
}  # fmt: skip
SUBTOMOGRAMS = section("subtomograms", size_voxels=SIZE, count="all", independent_count=20)


class World:
    """A tomogram of noise, with labels, particles and files."""

    def __init__(self, folder, name, shape=SHAPE):
        rng = generator(0, name)
        self.name, self.files = name, {kind: folder / name / file for kind, file in FILES.items()}
        self.volume = rng.normal(7, 3, shape).astype(np.float32)
        self.labels = rng.integers(0, 181, shape, dtype=np.uint16)
        centres = rng.uniform(-4, np.array(shape) + 4, (180, 3))
        centres[[0, -1]] = np.array(shape) / 2 + [[0.2, 0.3, -0.4], [-3, 2, 4]]  # inside
        ids = rng.choice(["1AAA", "2BBB", "1E10"], 180, p=[0.6, 0.3, 0.1])
        self.particles = Particles(ids, centres, Rotation.random(180, rng=rng).as_matrix())
        write_mrc(self.files["tomogram"], self.volume, VOXEL)
        write_mrc(self.files["labels"], self.labels, VOXEL)
        write_particles(self.files["particles"], self.particles, name, VOXEL)
        write_json(self.files["summary"], {"snr_asked": 0.5, "snr_measured": 0.48})
        self.specimen = folder / name / "specimen.json"
        write_json(self.specimen, {"provenance": {"seed": 1}})
        self.ground = folder / name / "ground.star"
        none = np.empty(0)
        write_background(
            self.ground, Background(none.astype(str), np.empty((0, 3)), none), 181, name
        )

    def inside(self):
        """Labels of the particles whose crops lie inside."""
        return [
            label
            for label, centre in enumerate(self.particles.centres, start=1)
            if all(8 <= round(c) <= n - 8 for c, n in zip(centre, self.volume.shape, strict=True))
        ]

    def extract(self, shard, **changed):
        settings = SUBTOMOGRAMS.model_copy(update=changed)
        extract_subtomograms(
            **self.files,
            specimen=self.specimen,
            ground=self.ground,
            names=(self.name, "A"),
            settings=settings.of(self.name),
            seed=3,
            shard=shard,
        )
        return open_shard(shard)


@pytest.fixture(scope="module")
def worlds(tmp_path_factory):
    folder = tmp_path_factory.mktemp("worlds")
    return [World(folder, name) for name in ("t1", "t2", "t3", "independent1")]


@pytest.mark.parametrize("target", ["centred", "all"])
def test_cubes_and_masks(target, worlds, tmp_path):
    world = worlds[0]
    found = world.extract(tmp_path / "t1.h5", target=target)
    assert {1, 180} < set(world.inside())
    assert found.labels.tolist() == world.inside()
    images, masks = found.read(np.arange(len(found)))
    for row, label in enumerate(found.labels):
        centre = world.particles.centres[label - 1]
        assert found.particles.pdb_ids[row] == world.particles.pdb_ids[label - 1]
        np.testing.assert_allclose(found.particles.centres[row], centre, atol=1e-5)
        rotation = world.particles.rotations[label - 1]
        np.testing.assert_allclose(found.particles.rotations[row], rotation, atol=1e-7)
        z, y, x = (round(c) - SIZE // 2 for c in centre)  # of the first voxel
        cube = np.s_[z : z + SIZE, y : y + SIZE, x : x + SIZE]
        expected = world.volume[cube].astype(float)
        expected = (expected - expected.mean()) / expected.std()
        np.testing.assert_allclose(images[row], expected, rtol=1e-3, atol=1e-4)
        inside = world.labels[cube]
        np.testing.assert_array_equal(
            masks[row], inside == label if target == "centred" else inside > 0
        )


def test_shard_origin(worlds, tmp_path):
    found = worlds[0].extract(tmp_path / "t1.h5", count=25)
    assert len(found) == 25
    origin = found.origin
    assert (origin.dataset, origin.tomogram, origin.target) == ("A", "t1", "centred")
    assert (origin.snr_asked, origin.snr_measured, origin.voxel_size_angstrom) == (0.5, 0.48, 12.5)
    with h5py.File(tmp_path / "t1.h5") as file:
        provenance = json.loads(file.attrs["provenance"])
    assert provenance["seed"] == 3
    assert provenance["settings"]["size_voxels"] == SIZE
    assert provenance["specimen"] == {"seed": 1}
    assert provenance["tomogram"]["snr_measured"] == 0.48


def split(worlds, path, by="subtomogram", seed=3, leave_out=None):
    split_dataset(
        {world.name: world.files["particles"] for world in worlds},
        shape=SHAPE,
        selection=SUBTOMOGRAMS,
        settings=section("splits", by=by, test_fraction=0.2, validation_fraction=0.2),
        seed=seed,
        leave_out=leave_out,
        split=path,
    )
    return path


@pytest.mark.parametrize("by", ["subtomogram", "tomogram"])
@pytest.mark.parametrize("leave_out", [None, "2BBB"])
def test_split_matches_shards(by, leave_out, worlds, tmp_path):
    shards = [tmp_path / f"{world.name}.h5" for world in worlds]
    for world, shard in zip(worlds, shards, strict=True):
        world.extract(shard)
    path = split(worlds, tmp_path / "s.csv", by, leave_out=leave_out)
    dataset, rows = read_dataset(shards, path, PARTS)
    assert set(dataset.tomograms[rows["independent"]]) == {"independent1"}
    tested = dataset.pdb_ids[np.concatenate([rows["test"], rows["independent"]])]
    assert set(tested) == ({"2BBB"} if leave_out else {"1AAA", "2BBB", "1E10"})
    read_dataset(shards[:3], path)
    with pytest.raises(DataError, match=r"s\.csv: the independent set is empty in these shards"):
        read_dataset(shards[:3], path, ["independent"])


def test_split_is_seeded(worlds, tmp_path):
    first = split(worlds, tmp_path / "s.csv").read_bytes()
    assert split(worlds, tmp_path / "s.csv").read_bytes() == first
    assert split(worlds, tmp_path / "s.csv", seed=4).read_bytes() != first


def test_extraction_memory(tmp_path):
    """Six bytes a voxel of the tomogram, and twice what it writes."""
    world = World(tmp_path, "t1", (80, 80, 80))
    world.extract(tmp_path / "t1.h5")  # imports and caches
    tracemalloc.start()
    world.extract(tmp_path / "t1.h5")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    densities_and_labels = (4 + 2) * 80**3
    written = (tmp_path / "t1.h5").stat().st_size
    assert densities_and_labels < peak < 1.4 * densities_and_labels + 2 * written
