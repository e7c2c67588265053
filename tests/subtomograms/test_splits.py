"""Splits: parts of the right size, drawn at random, and of the dataset's own subtomograms."""

import csv
import hashlib

import numpy as np
import pandas as pd
import pytest

from datasets import subtomograms_of
from sections import section
from ssn3d.csv_files import write_csv
from ssn3d.errors import DataError
from ssn3d.seeds import generator
from ssn3d.subtomograms.selection import read_selection, selection_sha256
from ssn3d.subtomograms.splits import PARTS, read_split, split_subtomograms, write_split
from ssn3d.subtomograms.steps import read_dataset, split_dataset
from ssn3d.subtomograms.store import write_subtomograms

N = 60
FRACTIONS = section("splits", test_fraction=0.2, validation_fraction=0.25)


def selected(seed):
    """Draw a selection of particles of two tomograms."""
    rng = generator(seed, "selected")
    ids = rng.choice(["1AAA", "2BBB", "3CCC"], N)
    tomograms = np.repeat(["t1", "t2"], N // 2)
    return pd.DataFrame({"tomogram": tomograms, "label": rng.permutation(500)[:N], "pdb_id": ids})


def write_dataset(path, table, name="A"):
    subtomograms = subtomograms_of(
        generator(0, name).standard_normal((N, 8, 8, 8)),
        pdb_ids=table["pdb_id"].to_numpy(dtype=np.str_),
        tomograms=table["tomogram"].to_numpy(dtype=np.str_),
        labels=table["label"].to_numpy(dtype=np.int32),
        dataset=name,
    )
    write_subtomograms(path, subtomograms, {})


def test_one_split_serves_all_datasets_of_a_selection_and_no_other(tmp_path):
    for name, seed in {"mine": 1, "other": 2}.items():
        write_csv(tmp_path / f"{name}.csv", selected(seed))
        for left_out in (None, "2BBB"):
            split = tmp_path / f"{name}_{left_out}.csv"
            split_dataset(tmp_path / f"{name}.csv", FRACTIONS, 0, left_out, split=split)
    for dataset in ("A", "B"):
        path = tmp_path / f"{dataset}.h5"
        write_dataset(path, selected(1), dataset)
        for left_out in (None, "2BBB"):
            subtomograms, rows = read_dataset(path, tmp_path / f"mine_{left_out}.csv")
            assert sorted(np.concatenate(list(rows.values()))) == list(range(N))
            left_out_rows = np.flatnonzero(subtomograms.pdb_ids == "2BBB")
            assert np.isin(rows["test"], left_out_rows).all() == (left_out is not None)
            with pytest.raises(DataError) as caught:
                read_dataset(path, tmp_path / f"other_{left_out}.csv")
            message = str(caught.value)
            assert message.startswith(f"{tmp_path}/other_{left_out}.csv: not a split of {path}")
            assert message.endswith("delete both and rerun")
            assert "\n" not in message


def test_a_split_that_lacks_subtomograms_is_refused(tmp_path):
    table = selected(1)
    write_dataset(tmp_path / "A.h5", table)
    digest = selection_sha256(*(table[column].to_numpy() for column in table))
    parts = np.array(["train", "validation", "test"] * 9)
    write_split(tmp_path / "s.csv", table["pdb_id"].to_numpy()[:27], parts, digest)
    with pytest.raises(DataError, match=r"s\.csv: not a split of .*A\.h5"):
        read_dataset(tmp_path / "A.h5", tmp_path / "s.csv")


def test_the_digest_is_of_the_lines_of_the_selection_in_order(tmp_path):
    write_csv(tmp_path / "selection.csv", selected(1))
    split_dataset(tmp_path / "selection.csv", FRACTIONS, 0, None, split=tmp_path / "s.csv")
    with (tmp_path / "selection.csv").open() as file:
        lines = [f"{r['tomogram']},{r['label']},{r['pdb_id']}\n" for r in csv.DictReader(file)]
    expected = hashlib.sha256("".join(lines).encode()).hexdigest()
    assert read_split(tmp_path / "s.csv")[1] == expected
    assert set(pd.read_csv(tmp_path / "s.csv")["selection_sha256"]) == {expected}
    table = read_selection(tmp_path / "selection.csv")
    for changed in (
        table.assign(tomogram=["t3", *table["tomogram"][1:]]),
        table.assign(label=[*table["label"][:-1], 501]),
        table.assign(pdb_id=["9ZZZ", *table["pdb_id"][1:]]),
        table[::-1],
    ):
        assert selection_sha256(*(changed[c].to_numpy() for c in table)) != expected


def test_the_papers_split():
    pdb_ids = np.repeat([f"{i}AAA" for i in range(1, 6)], 676)
    parts = split_subtomograms(pdb_ids, 0.1, 0.1, generator(0, "s"))
    counts = {part: int((parts == part).sum()) for part in PARTS}
    assert counts == {"train": 2738, "validation": 304, "test": 338}


@pytest.mark.parametrize("leave_out", [None, "2BBB"])
def test_every_subtomogram_can_be_in_any_part(leave_out):
    """Each is as likely as any other: 400 draws of a fifth, then of a quarter of the rest."""
    pdb_ids = np.repeat(["1AAA", "2BBB", "3CCC"], 20)
    draws = np.array(
        [
            split_subtomograms(pdb_ids, 0.2, 0.25, generator(seed, "s"), leave_out=leave_out)
            for seed in range(400)
        ]
    )
    free = pdb_ids != leave_out
    assert (draws[:, ~free] == "test").all()
    test_share = 0.2 if leave_out is None else 0.0
    for part, share in {
        "test": test_share,
        "validation": 0.25 * (1 - test_share),
        "train": 0.75 * (1 - test_share),
    }.items():
        found = (draws[:, free] == part).mean(axis=0)
        assert np.abs(found - share).max() < 5 * np.sqrt(0.25 / 400)
        assert len(set((draws[:, free] == part).sum(axis=1))) == 1


def test_leave_one_out_tests_on_that_structure_alone(tmp_path):
    pdb_ids = np.repeat(["1AAA", "2BBB", "3CCC"], 50)
    parts = split_subtomograms(pdb_ids, 0.1, 0.1, generator(0, "s"), leave_out="2BBB")
    assert (parts == "validation").sum() == 10
    write_split(tmp_path / "s.csv", pdb_ids, parts, "digest")
    rows, digest = read_split(tmp_path / "s.csv")
    assert digest == "digest"
    assert sorted(np.concatenate(list(rows.values()))) == list(range(150))
    np.testing.assert_array_equal(rows["test"], np.arange(50, 100))


def test_other_seeds_and_splits_draw_differently(tmp_path):
    """Compared by places among the rows that are not left out, of which there are equal numbers."""
    ids = np.tile(["1AAA", "2BBB", "3CCC"], N // 3)
    write_csv(tmp_path / "selection.csv", selected(1).assign(pdb_id=ids))
    validation = {}
    for seed, left_out in [(0, "1AAA"), (0, "2BBB"), (1, "2BBB")]:
        path = tmp_path / "s.csv"
        split_dataset(tmp_path / "selection.csv", FRACTIONS, seed, left_out, split=path)
        first = path.read_bytes()
        split_dataset(tmp_path / "selection.csv", FRACTIONS, seed, left_out, split=path)
        assert path.read_bytes() == first
        drawn = read_split(path)[0]["validation"]
        places = np.searchsorted(np.flatnonzero(ids != left_out), drawn)
        validation[seed, left_out] = tuple(places)
    assert len(set(validation.values())) == 3


def test_parts_that_would_be_empty_are_named():
    ids = np.array(["1AAA"] * 50)
    with pytest.raises(DataError, match=r"^splits without 9ZZZ: test would be empty with 50 subto"):
        split_subtomograms(ids, 0.1, 0.1, generator(0, "s"), leave_out="9ZZZ")
    with pytest.raises(DataError, match=r"^splits: validation, test would be empty with 3 subto"):
        split_subtomograms(ids[:3], 0.1, 0.1, generator(0, "s"))


@pytest.mark.parametrize(
    "content",
    [
        "",
        "a,b\n1,2\n",
        "subtomogram,pdb_id,split\n0,1AAA,test\n",
        "subtomogram,pdb_id,split,selection_sha256\n0,1AAA,nonsense,d\n",
        "subtomogram,pdb_id,split,selection_sha256\n1,1AAA,test,d\n",
        "subtomogram,pdb_id,split,selection_sha256\n0,1AAA,test,d\n1,1AAA,test,e\n",
    ],
)
def test_damaged_splits_are_one_line(content, tmp_path):
    (tmp_path / "s.csv").write_text(content)
    with pytest.raises(DataError, match=r"s\.csv: .*; delete it and rerun"):
        read_split(tmp_path / "s.csv")
