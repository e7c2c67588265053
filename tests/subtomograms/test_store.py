"""A shard is read as it was written, row by row, and damage is noticed."""

import dataclasses
import json

import h5py
import numpy as np
import pytest

from datasets import particles_of, write_shard_of
from ssn3d.core.errors import DataError
from ssn3d.core.seeds import generator
from ssn3d.subtomograms.samples import Arrays
from ssn3d.subtomograms.store import open_dataset, open_shard

N, S = 12, 8


@pytest.fixture(scope="module")
def content():
    rng = generator(0, "store")
    return {
        "images": rng.standard_normal((N, S, S, S)).astype(np.float16),
        "masks": rng.random((N, S, S, S)) < 0.5,
        "particles": particles_of(
            rng.uniform(0, 50, (N, 3)),
            rng.choice(["1AAA", "2BBB"], N),
            rng.standard_normal((N, 3, 3)),
        ),
        "labels": rng.permutation(500)[:N],
        "snr_measured": 0.498,
    }


@pytest.fixture
def path(content, tmp_path):
    return write_shard_of(tmp_path / "t1.h5", **content)


def test_round_trip_in_any_order(content, path):
    shard = open_shard(path)
    assert (len(shard), shard.size_voxels, shard.origin.snr_measured) == (N, S, 0.498)
    for name in ("pdb_ids", "centres", "rotations"):
        expected = getattr(content["particles"], name)
        np.testing.assert_array_equal(getattr(shard.particles, name), expected)
    np.testing.assert_array_equal(shard.labels, content["labels"])
    for rows in (np.arange(N), np.array([7]), np.array([5, 11, 0, 5, 3]), np.array([], int)):
        images, masks = shard.read(rows)
        np.testing.assert_array_equal(images, content["images"][rows])
        np.testing.assert_array_equal(masks, content["masks"][rows])


def test_dataset_of_several_tomograms(content, tmp_path):
    paths = [
        write_shard_of(tmp_path / f"{name}.h5", content["images"][rows])
        for name, rows in {"t1": slice(0, 5), "t2": slice(5, 6), "t3": slice(6, N)}.items()
    ]
    dataset = open_dataset(paths)
    assert (len(dataset), dataset.name, dataset.size_voxels) == (N, "A", S)
    assert dataset.tomograms.tolist() == ["t1"] * 5 + ["t2"] + ["t3"] * 6
    assert dataset.labels.tolist() == [1, 2, 3, 4, 5, 1, 1, 2, 3, 4, 5, 6]
    rows = np.array([11, 0, 5, 4, 6, 0])
    np.testing.assert_array_equal(dataset.read(rows)[0], content["images"][rows])
    np.testing.assert_array_equal(dataset.read_one("t3", 2)[0], content["images"][7])
    with pytest.raises(DataError, match="no label 2 of t2"):
        dataset.read_one("t2", 2)


def test_dataset_of_several_snrs(content, tmp_path):
    paths = [
        write_shard_of(
            tmp_path / f"{name}.h5", content["images"] * factor, dataset=name, tomogram="t1"
        )
        for name, factor in (("A", 1), ("C", 2))
    ]
    dataset = open_dataset(paths)
    assert (dataset.name, len(dataset), sorted(dataset.digests)) == ("A+C", 2 * N, ["A/t1", "C/t1"])
    assert dataset.datasets.tolist() == ["A"] * N + ["C"] * N
    images, _ = dataset.read(np.array([1, N + 1]))
    np.testing.assert_array_equal(images[1], 2 * images[0])


@pytest.mark.parametrize(
    ("other", "fault"),
    [
        ({"target": "all"}, "target is all, but centred in"),
        ({"voxel_size_angstrom": 12.0}, r"voxel_size_angstrom is 12\.0, but 10\.0 in"),
        ({"images": np.zeros((2, 16, 16, 16))}, "size_voxels is 16, but 8 in"),
        ({"tomogram": "t1"}, "has dataset A and tomogram t1, like .*one.h5; leave one out"),
    ],
)
def test_shards_of_different_kinds(other, fault, tmp_path):
    one = write_shard_of(tmp_path / "one.h5", np.zeros((2, S, S, S)), tomogram="t1")
    another = {"images": np.zeros((2, S, S, S)), "tomogram": "t2"} | other
    two = write_shard_of(tmp_path / "two.h5", **another)
    with pytest.raises(DataError, match=rf"two\.h5: {fault}"):
        open_dataset([one, two])


def test_shard_given_twice(tmp_path):
    one = write_shard_of(tmp_path / "t1.h5", np.zeros((2, S, S, S)))
    with pytest.raises(DataError, match=r"has dataset A and tomogram t1, like .*; leave one out"):
        open_dataset([one, one])


def test_images_are_rounded_to_nearest_even(tmp_path):
    ties = np.float32(1 + np.arange(S**3) / 2**11).reshape(1, S, S, S)
    images, _ = open_shard(write_shard_of(tmp_path / "t1.h5", ties)).read(np.arange(1))
    np.testing.assert_array_equal(images, ties.astype(np.float16))


def test_digest_depends_on_content_only(content, tmp_path):
    def digest(**changed):
        return open_shard(write_shard_of(tmp_path / "A.h5", **content | changed)).sha256

    whole = digest()
    assert len(whole) == 64
    assert digest(provenance={"date": "2018-01-02"}) == whole
    masks = content["masks"].copy()
    masks[-1, -1, -1, -1] ^= True
    before = content["particles"]
    ids = np.where(np.arange(N) == 1, "9ZZZ", before.pdb_ids)
    others = dataclasses.replace(before, pdb_ids=ids)
    for change in ({"masks": masks}, {"particles": others}, {"snr_asked": 0.4}, {"dataset": "B"}):
        assert digest(**change) != whole


@pytest.mark.parametrize("content", [b"", b"not HDF5 at all", None])
def test_other_files_are_errors(content, tmp_path):
    if content is None:
        with h5py.File(tmp_path / "A.h5", "w") as file:
            file["images"] = np.zeros(3)
    else:
        (tmp_path / "A.h5").write_bytes(content)
    with pytest.raises(DataError, match=r"A\.h5: not a readable shard"):
        open_shard(tmp_path / "A.h5")
    with pytest.raises(DataError, match=r"missing\.h5"):
        open_shard(tmp_path / "missing.h5")


@pytest.mark.parametrize(
    "changed",
    [
        {"images": (N, 8, 8, 6), "masks": (N, 8, 8, 6)},
        {"images": (N, 8, 8), "masks": (N, 8, 8)},
        {"masks": (N - 1, 8, 8, 8)},
        {"images": (0, 8, 8, 8), "masks": (0, 8, 8, 8)},
    ],
)
def test_impossible_contents_are_one_line(changed, path):
    """As another program may write them, with valid checksums."""
    with h5py.File(path, "r+") as file:
        for name, shape in changed.items():
            del file[name]
            file[name] = np.zeros(shape)
    with pytest.raises(DataError, match=r"t1\.h5: .* do not match; delete it and rerun$"):
        open_shard(path)


def test_other_format(path):
    with h5py.File(path, "r+") as file:
        file.attrs["format"] = "ssn3d subtomograms 9"
    message = r"t1\.h5: format 'ssn3d subtomograms 9', expected .*; delete it and rerun$"
    with pytest.raises(DataError, match=message):
        open_shard(path)


def test_shard_opens_in_h5py(content, tmp_path):
    """A chunk is a subtomogram, with a checksum; masks, mostly zeros, are compressed."""
    path = write_shard_of(tmp_path / "t1.h5", **content, provenance={"seed": 1})
    with h5py.File(path) as file:
        assert all(array.fletcher32 for array in file.values())
        assert file["images"].chunks == file["masks"].chunks == (1, S, S, S)
        assert file["masks"].compression == "gzip"
        assert json.loads(file.attrs["provenance"]) == {"seed": 1}
        expected = dataclasses.asdict(open_shard(path).origin)
        assert {name: file.attrs[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("images", "masks", "fault"),
    [
        (np.zeros((2, 8, 8, 6)), np.zeros((2, 8, 8, 6), "u1"), "must both be of one shape"),
        (np.zeros((2, 8, 8, 8)), np.zeros((1, 8, 8, 8), "u1"), "must both be of one shape"),
        (np.full((2, 8, 8, 8), np.nan), np.zeros((2, 8, 8, 8), "u1"), "NaN"),
        (np.zeros((2, 8, 8, 8)), np.full((2, 8, 8, 8), 5, "u1"), "above 4"),
    ],
)
def test_impossible_arrays_are_one_line(images, masks, fault):
    with pytest.raises(DataError, match=fault):
        Arrays(images, masks)
