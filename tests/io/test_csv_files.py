"""CSV files: other programs can read them, and a damaged one is an error on one line."""

import numpy as np
import pandas as pd
import pytest

from ssn3d.core.errors import DataError
from ssn3d.io.tables import read_csv, write_csv

TABLE = pd.DataFrame({"row": [0, 1, 2], "pdb_id": ["1E10", "NaN", "2GLS"], "score": [0.1, 1e-9, 7]})
TYPES = {"row": np.int64, "pdb_id": str, "score": np.float64}


@pytest.fixture
def path(tmp_path):
    write_csv(tmp_path / "t.csv", TABLE)
    return tmp_path / "t.csv"


def test_round_trip_as_plain_text(path):
    assert read_csv(path, TYPES).equals(TABLE.astype({"pdb_id": "str"}))
    assert read_csv(path, {"score": np.float64}).columns.tolist() == ["score"]
    assert path.read_text() == "row,pdb_id,score\n0,1E10,0.1\n1,NaN,1e-09\n2,2GLS,7.0\n"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("row,pdb_id,score\n0,1KP8,nan\n", "not a table"),
        ("row,pdb_id,score\n0,1KP8,inf\n", "holds NaN or infinity"),
        ("row,pdb_id,score\n0,1KP8,\n", "not a table"),
        ("row,pdb_id,score\n0.5,1KP8,1\n", "not a table"),
        ("row,score,pdb_id\n0,1,1KP8\n1,1\n", "empty cells in pdb_id"),
        ("row,score,pdb_id\n0,1,1KP8\n1", "not a table"),
        ("row,pdb_id,score\n0,1KP8,1,2\n1,2GLS,1,2,3\n", "not a table"),
        ("score,row,pdb_id\n0,1,2,1KP8\n", "more cells than there are titles"),
        ("row,pdb_id,score,row\n0,1KP8,1,7\n", "column row is there twice"),
        ("row,pdb_id,score\n", "holds no rows"),
        ("row,pdb_id\n0,1KP8\n", "not a table"),
        ("", "not a table"),
    ],
)
def test_damaged_table_is_one_line(path, text, fault):
    path.write_text(text)
    with pytest.raises(DataError, match=fault) as caught:
        read_csv(path, TYPES, remedy="restore it")
    assert str(caught.value).startswith(f"{path}: ")
    assert str(caught.value).endswith("; restore it")


def test_optional_cells_may_be_empty(path):
    path.write_text("row,pdb_id,score\n0,1KP8,\n1,2GLS,0.5\n")
    scores = read_csv(path, TYPES, may_be_empty=["score"])["score"]
    np.testing.assert_array_equal(scores, [np.nan, 0.5])
