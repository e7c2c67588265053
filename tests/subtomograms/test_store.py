"""A dataset is read as it was written, and damage is noticed."""

import dataclasses
import json

import h5py
import numpy as np
import pytest

from datasets import subtomograms_of
from ssn3d.errors import DataError
from ssn3d.seeds import generator
from ssn3d.subtomograms.store import read_subtomograms, write_subtomograms


@pytest.fixture
def subtomograms():
    rng = generator(0, "store")
    n, s = 12, 8
    return subtomograms_of(
        rng.standard_normal((n, s, s, s)),
        masks=rng.integers(0, 2, (n, s, s, s), dtype=np.uint8),
        pdb_ids=rng.choice(["1AAA", "2BBB"], n),
        centres=rng.uniform(0, 50, (n, 3)),
        rotations=rng.standard_normal((n, 3, 3)),
        snr_measured=0.498,
    )


def test_round_trip(subtomograms, tmp_path):
    write_subtomograms(tmp_path / "A.h5", subtomograms, {"seed": 1})
    again = read_subtomograms(tmp_path / "A.h5")
    for field in dataclasses.fields(subtomograms):
        expected = getattr(subtomograms, field.name)
        np.testing.assert_array_equal(getattr(again, field.name), expected)


def test_the_digest_is_of_the_content_whenever_it_was_written(subtomograms, tmp_path):
    def digest(one, date):
        write_subtomograms(tmp_path / "A.h5", one, {"date": date})
        return read_subtomograms(tmp_path / "A.h5").sha256

    whole = digest(subtomograms, "2018-01-01")
    assert len(whole) == 64
    assert digest(subtomograms, "2018-01-02") == whole
    masks = subtomograms.masks.copy()
    masks[-1, -1, -1, -1] ^= 1
    ids = np.where(np.arange(len(masks)) == 1, "9ZZZ", subtomograms.pdb_ids)
    for change in ({"masks": masks}, {"pdb_ids": ids}, {"snr_asked": 0.4}, {"dataset": "B"}):
        assert digest(dataclasses.replace(subtomograms, **change), "2018-01-01") != whole


def test_every_flipped_byte_is_an_error_or_harmless(subtomograms, tmp_path):
    path = tmp_path / "A.h5"
    write_subtomograms(path, subtomograms, {"seed": 1})
    whole = read_subtomograms(path)
    content = path.read_bytes()
    rng = generator(0, "flips")
    caught = 0
    for _ in range(200):
        damaged = bytearray(content)
        damaged[rng.integers(len(content))] ^= int(rng.integers(1, 256))
        path.write_bytes(damaged)
        read = message = None
        try:
            read = read_subtomograms(path)
        except DataError as error:
            message = str(error)
            caught += 1
        if read is None:
            assert str(path) in message
            assert "\n" not in message
        else:
            np.testing.assert_array_equal(read.images, whole.images)
            np.testing.assert_array_equal(read.masks, whole.masks)
    assert caught > 100


@pytest.mark.parametrize("content", [b"", b"not HDF5 at all", None])
def test_other_files_are_errors(content, tmp_path):
    if content is None:
        with h5py.File(tmp_path / "A.h5", "w") as file:
            file["images"] = np.zeros(3)
    else:
        (tmp_path / "A.h5").write_bytes(content)
    with pytest.raises(DataError, match=r"A\.h5: not a readable dataset"):
        read_subtomograms(tmp_path / "A.h5")
    with pytest.raises(DataError, match=r"missing\.h5"):
        read_subtomograms(tmp_path / "missing.h5")


def cubes(*shape):
    return {"images": np.zeros(shape, "f2"), "masks": np.zeros(shape, "u1")}


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        (cubes(12, 8, 8, 6), "match"),
        (cubes(12, 6, 8, 8), "match"),
        (cubes(12, 8, 8), "match"),
        (cubes(0, 8, 8, 8) | {"pdb_id": np.empty(0, "S4")}, "match"),
        ({"masks": np.zeros((11, 8, 8, 8), "u1")}, r"masks \(11, 8, 8, 8\) do not match"),
        ({"pdb_id": np.array([b"1AAA"] * 11)}, "match"),
        ({"masks": np.full((12, 8, 8, 8), 2, "u1")}, "damaged"),
        ({"images": np.full((12, 8, 8, 8), np.nan, "f2")}, "damaged"),
    ],
)
def test_impossible_contents_are_one_line(changed, fault, subtomograms, tmp_path):
    """As another program may write them, with valid checksums."""
    write_subtomograms(tmp_path / "A.h5", subtomograms, {})
    with h5py.File(tmp_path / "A.h5", "r+") as file:
        for name, values in changed.items():
            del file[name]
            file[name] = values
    with pytest.raises(DataError, match=rf"A\.h5: .*{fault}.*; delete it and rerun$"):
        read_subtomograms(tmp_path / "A.h5")


def test_a_file_of_another_format_says_which(subtomograms, tmp_path):
    write_subtomograms(tmp_path / "A.h5", subtomograms, {})
    with h5py.File(tmp_path / "A.h5", "r+") as file:
        file.attrs["format"] = "ssn3d subtomograms 9"
    message = r"A\.h5: format 'ssn3d subtomograms 9', expected .*; delete it and rerun$"
    with pytest.raises(DataError, match=message):
        read_subtomograms(tmp_path / "A.h5")


def test_every_array_has_checksums_and_one_subtomogram_is_read_alone(subtomograms, tmp_path):
    """A chunk is a subtomogram, and masks, mostly zeros, are compressed."""
    write_subtomograms(tmp_path / "A.h5", subtomograms, {"seed": 1})
    with h5py.File(tmp_path / "A.h5") as file:
        assert all(array.fletcher32 for array in file.values())
        assert file["images"].chunks == file["masks"].chunks == (1, 8, 8, 8)
        assert file["masks"].compression == "gzip"
        assert json.loads(file.attrs["provenance"]) == {"seed": 1}
