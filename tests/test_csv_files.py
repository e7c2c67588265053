"""CSV files between stages: any reader takes them, and ours notices damage."""

import numpy as np
import pandas as pd
import pytest

from ssn3d.csv_files import read_csv, write_csv
from ssn3d.errors import DataError

TABLE = pd.DataFrame({"row": [0, 1, 2], "pdb_id": ["1E10", "NaN", "2GLS"], "score": [0.1, 1e-9, 7]})
TYPES = {"row": np.int64, "pdb_id": str, "score": np.float64}


@pytest.fixture
def path(tmp_path):
    write_csv(tmp_path / "t.csv", TABLE)
    return tmp_path / "t.csv"


def test_round_trip_and_any_reader(path):
    assert read_csv(path, TYPES).equals(TABLE.astype({"pdb_id": "str"}))
    assert read_csv(path, {"score": np.float64}).columns.tolist() == ["score"]
    plain = pd.read_csv(path, keep_default_na=False, dtype=str)
    assert plain["pdb_id"].tolist() == TABLE["pdb_id"].tolist()
    assert len(set(plain["crc32"])) == 1


@pytest.mark.parametrize(
    ("before", "after"),
    [("1E10", "1E11"), ("0.1", "0.2"), ("row,", "raw,"), ("2GLS", "2GLS,"), ("crc32\n", "crc32 ")],
)
def test_a_change_is_noticed(path, before, after):
    path.write_text(path.read_text().replace(before, after, 1))
    with pytest.raises(DataError, match=r"t\.csv: not a table of ssn3d.*; delete it and run again"):
        read_csv(path, TYPES)


def test_a_row_less_is_noticed(path):
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(DataError, match="checksum"):
        read_csv(path, TYPES)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("row,pdb_id,score\n0,1KP8,nan\n", "not a table"),
        ("row,pdb_id,score\n0,1KP8,inf\n", "holds NaN or infinity"),
        ("row,pdb_id,score\n0,1KP8,\n", "not a table"),
        ("row,pdb_id,score\n0.5,1KP8,1\n", "not a table"),
        ("row,pdb_id,score\n", "holds no rows"),
        ("row,pdb_id\n0,1KP8\n", "not a table"),
        ("", "not a table"),
    ],
)
def test_tables_without_a_checksum_are_looked_at(path, text, fault):
    path.write_text(text)
    with pytest.raises(DataError, match=fault) as caught:
        read_csv(path, TYPES, remedy="restore it")
    assert str(caught.value).endswith("; restore it")
    path.write_text("row,pdb_id,score\n0,1KP8,1\n")
    assert read_csv(path, TYPES)["score"].tolist() == [1.0]
