"""Splits: parts of the right size, drawn at random, that share nothing they should not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets import particles_of, write_shard_of
from sections import section
from ssn3d.core.errors import DataError
from ssn3d.core.seeds import generator
from ssn3d.subtomograms.splits import PARTS, read_split, split_subtomograms, write_split
from ssn3d.subtomograms.store import open_dataset

IDS = np.array(["1AAA", "2BBB", "3CCC"])


def settings(by="subtomogram", test=0.2, validation=0.25):
    return section("splits", by=by, test_fraction=test, validation_fraction=validation)


def world(tomograms, each=30):
    """Names and IDs of subtomograms: of some tomograms, and an independent one."""
    names = [*(f"t{i + 1}" for i in range(tomograms)), "independent1"]
    return np.repeat(names, each), np.tile(IDS, each * len(names) // 3)


def counts(parts):
    return {part: int((parts == part).sum()) for part in PARTS}


def test_paper_split():
    names = np.repeat(["t1", "independent1"], [3380, 800])
    ids = np.resize(IDS, len(names))
    parts = split_subtomograms(names, ids, settings(test=0.1, validation=0.1), generator(0, "s"))
    assert counts(parts) == {"train": 2738, "validation": 304, "test": 338, "independent": 800}


@pytest.mark.parametrize("leave_out", [None, "2BBB"])
def test_split_is_uniform(leave_out):
    """Each is as likely as any other: 400 draws of a fifth, then of a quarter of the rest."""
    names, ids = world(2)
    draws = np.array(
        [
            split_subtomograms(names, ids, settings(), generator(seed, "s"), leave_out)
            for seed in range(400)
        ]
    )
    known = names != "independent1"
    free = known & (ids != leave_out)
    assert (draws[:, known & ~free] == "test").all()
    of_class = ids == (leave_out or ids)
    assert (draws[:, ~known & of_class] == "independent").all()
    assert (draws[:, ~known & ~of_class] == "unused").all()
    test_share = 0.2 if leave_out is None else 0.0
    for part, share in {
        "test": test_share,
        "validation": 0.25 * (1 - test_share),
        "train": 0.75 * (1 - test_share),
    }.items():
        found = (draws[:, free] == part).mean(axis=0)
        assert np.abs(found - share).max() < 5 * np.sqrt(0.25 / 400)
        assert len(set((draws[:, free] == part).sum(axis=1))) == 1


@given(st.integers(3, 12), st.sampled_from([None, *IDS]), st.integers(0, 1000))
def test_split_by_tomogram(tomograms, leave_out, seed):
    names, ids = world(tomograms, each=6)
    parts = split_subtomograms(names, ids, settings("tomogram"), generator(seed, "s"), leave_out)
    of_part = {part: set(names[parts == part]) for part in PARTS}
    assert of_part["independent"] == {"independent1"}
    assert sum(map(len, of_part.values())) == len(set.union(*of_part.values())) == tomograms + 1
    assert len(of_part["test"]) == max(round(0.2 * tomograms), 1)
    if leave_out:
        assert set(ids[np.isin(parts, ["test", "independent"])]) == {leave_out}
        assert leave_out not in set(ids[np.isin(parts, ["train", "validation"])])
    else:
        assert "unused" not in parts


def test_every_tomogram_can_be_in_any_part():
    names, ids = world(4, each=3)
    draws = [
        split_subtomograms(names, ids, settings("tomogram"), generator(seed, "s"))
        for seed in range(60)
    ]
    for part in ("train", "validation", "test"):
        assert set().union(*(names[parts == part] for parts in draws)) == {"t1", "t2", "t3", "t4"}


def test_empty_parts_are_named():
    rng = generator(0, "s")
    names, ids = world(2)
    with pytest.raises(DataError, match=r"^splits: train would be empty with 90 subtomograms"):
        split_subtomograms(names, ids, settings("tomogram"), rng)
    absent = r"^splits without 9ZZZ: test, independent would be empty with 90 subtomograms"
    with pytest.raises(DataError, match=absent):
        split_subtomograms(names, ids, settings(), rng, "9ZZZ")
    with pytest.raises(DataError, match=r"^splits: validation, test, independent would be empty"):
        split_subtomograms(names[:2], ids[:2], settings(), rng)


@pytest.fixture
def shards(tmp_path):
    """Three tomograms of three subtomograms each."""
    cubes, particles = np.zeros((3, 8, 8, 8)), particles_of(np.zeros((3, 3)), IDS)
    return [
        write_shard_of(tmp_path / f"{t}.h5", cubes, particles=particles)
        for t in ("t1", "t2", "independent1")
    ]


def columns(names=("t1", "t2", "independent1")):
    return np.repeat(names, 3), np.tile([1, 2, 3], len(names)), np.tile(IDS, len(names))


def test_split_of_some_shards(shards, tmp_path):
    parts = np.array(["train", "validation", "unused"] * 2 + ["independent"] * 3)
    write_split(tmp_path / "s.csv", *columns(), parts)
    rows = read_split(tmp_path / "s.csv", open_dataset(shards))
    assert {part: r.tolist() for part, r in rows.items()} == {
        "train": [0, 3], "validation": [1, 4], "test": [], "independent": [6, 7, 8]
    }  # fmt: skip
    rows = read_split(tmp_path / "s.csv", open_dataset(shards[1:2]))
    assert rows["train"].tolist() == [0]


def test_same_part_at_every_snr(shards, tmp_path):
    parts = np.array(["train", "validation", "test"] * 2 + ["independent"] * 3)
    write_split(tmp_path / "s.csv", *columns(), parts)
    cubes, particles = np.zeros((3, 8, 8, 8)), particles_of(np.zeros((3, 3)), IDS)
    other = write_shard_of(
        tmp_path / "B.h5", cubes, dataset="B", tomogram="t2", particles=particles
    )
    rows = read_split(tmp_path / "s.csv", open_dataset([*shards, other]))
    assert {part: r.tolist() for part, r in rows.items()} == {
        "train": [0, 3, 9], "validation": [1, 4, 10], "test": [2, 5, 11], "independent": [6, 7, 8]
    }  # fmt: skip


@pytest.mark.parametrize("column", [0, 1, 2])
def test_split_of_other_subtomograms(column, shards, tmp_path):
    changed = [c.copy() for c in columns()]
    changed[column][1] = changed[column][5]
    fault = r"s\.csv: does not match the subtomograms in .*; give the split"
    for others in (changed, columns(("t1", "t2"))):
        write_split(tmp_path / "s.csv", *others, np.full(len(others[0]), "train"))
        with pytest.raises(DataError, match=fault):
            read_split(tmp_path / "s.csv", open_dataset(shards))


@pytest.mark.parametrize(
    "content",
    [
        "",
        "a,b\n1,2\n",
        "tomogram,label,pdb_id\nt1,1,1AAA\n",
        "tomogram,label,pdb_id,split\n",
        "tomogram,label,pdb_id,split\nt1,1,1AAA,x\nt1,2,2BBB,test\nt1,3,3CCC,test\n",
    ],
)
def test_damaged_splits_are_one_line(content, shards, tmp_path):
    (tmp_path / "s.csv").write_text(content)
    with pytest.raises(DataError, match=r"s\.csv: .*; give a split"):
        read_split(tmp_path / "s.csv", open_dataset(shards[:1]))
