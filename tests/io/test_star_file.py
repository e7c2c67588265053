"""STAR files: any name is read as it was written, and damage names its line."""

import hypothesis
import numpy as np
import pandas as pd
import pytest
import starfile
from hypothesis import strategies as st

from ssn3d.core.errors import DataError
from ssn3d.io.star_file import fits_star, read_star_blocks, star_numbers, write_blocks

NAMES = st.one_of(
    st.text(min_size=1, max_size=12).filter(fits_star),
    st.text("\"'#_ da;$", max_size=8).filter(fits_star),
    st.sampled_from(["data_01", "loop_", "_a", "x#1", "#1", "cell's tomo", "", "nan", "007", ";"]),
)
LOOP = "data_p\n\nloop_\n_a #1\n_b #2\n"


@hypothesis.settings(max_examples=100)
@hypothesis.given(names=st.lists(NAMES, min_size=1, max_size=6), numbers=st.booleans())
def test_any_name_comes_back(names, numbers, tmp_path_factory):
    path = tmp_path_factory.mktemp("star") / "p.star"
    table = pd.DataFrame({"name": names})
    if numbers:
        table["x"] = np.arange(len(names)) + 0.25
    write_blocks(path, {"one": table, "": table})
    blocks = read_star_blocks(path)
    assert [*blocks] == ["one", ""]
    for block in blocks.values():
        assert block["name"].tolist() == names
        if numbers:
            np.testing.assert_array_equal(star_numbers(block, ["x"])[:, 0], table["x"])


@pytest.mark.parametrize("name", ["a\nb", "a\tb", " a", "a ", "\"a\" and 'b'", "\udcff", "\x00"])
def test_names_that_fit_no_table(name, tmp_path):
    with pytest.raises(DataError, match="cannot be written to a STAR file; rename it"):
        write_blocks(tmp_path / "p.star", {"p": pd.DataFrame({"a": [name]}, dtype=object)})
    assert not list(tmp_path.iterdir())


def test_starfile_agrees(tmp_path):
    table = pd.DataFrame({"tomogram": ["t 1", "x#1", "a"], "x": [1.5, -2.0, 1e9], "n": [1, 2, 3]})
    write_blocks(tmp_path / "ours.star", {"p": table})
    pd.testing.assert_frame_equal(starfile.read(tmp_path / "ours.star"), table)
    starfile.write({"p": table, "q": {"a": "b c", "n": 3}}, tmp_path / "theirs.star")
    blocks = read_star_blocks(tmp_path / "theirs.star")
    assert blocks["p"]["tomogram"].tolist() == ["t 1", "x#1", "a"]
    np.testing.assert_array_equal(star_numbers(blocks["p"], ["x", "n"]), table[["x", "n"]])
    assert blocks["q"].to_dict("list") == {"a": ["b c"], "n": ["3"]}


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        (LOOP + "1 2\n\n# a comment\n3 4 # another\n", [["1", "2"], ["3", "4"]]),
        (LOOP.replace("loop_\n", "loop_\n# titles\n") + "1\t2\r\n", [["1", "2"]]),
        (
            LOOP + "data_01 2\n_a 3 # c\n",
            [["data_01", "2"], ["_a", "3"]],
        ),  # as starfile wrote names
        (LOOP + "'a' \"b 'c' d\"\n", [["a", "b 'c' d"]]),
        (LOOP + 'it\'s "a"b"\n', [["it's", 'a"b']]),
        (LOOP + '"open b\n', [['"open', "b"]]),
        ("data_p\n_a 1\n_b 'x y' # c\n", [["1", "x y"]]),
        ("data_p # c\nLOOP_ # c\n_a\n_b\n1 2\n", [["1", "2"]]),
        (LOOP + "loop_ 2\n", [["loop_", "2"]]),
        (LOOP, []),
    ],
)
def test_values_and_comments(text, rows, tmp_path):
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        (tmp_path / "p.star").write_bytes(text.encode(encoding))
        table = read_star_blocks(tmp_path / "p.star")["p"]
        assert table.columns.tolist() == ["a", "b"]
        assert table.to_numpy().tolist() == rows


def test_loop_after_others_is_a_block(tmp_path):
    (tmp_path / "p.star").write_text("data_p\n_v 1\n" + 2 * (LOOP[7:] + "1 2\n") + LOOP[:5] + "q\n")
    blocks = read_star_blocks(tmp_path / "p.star")
    assert [*blocks] == ["p", "p (2)", "p (3)", "q"]
    assert blocks["p"].to_dict("list") == {"v": ["1"]}
    assert blocks["p (3)"].to_dict("list") == {"a": ["1"], "b": ["2"]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (LOOP + "1 2\n3\n", "line 7 has 1 of 2 columns"),
        (LOOP + "1 2 3\n", "line 6 has 3 of 2 columns"),
        (LOOP + "_a #3\n", "line 6: column a is there twice"),
        (LOOP + "1 2\ndata_p\n", "line 7: block data_p is there twice"),
        ("data_p\n_a 1\n_a 2\n", "line 3: column a is there twice"),
        ("data_p\n_a\n", "line 2: a has no value"),
        ("data_p\n1 2\n", "line 2: not a readable STAR file: values outside of a loop"),
        ("a,b\n1,2\n", "it has no data_ block"),
    ],
)
def test_damage_names_its_line(text, message, tmp_path):
    (tmp_path / "p.star").write_text(text)
    with pytest.raises(DataError, match=message):
        read_star_blocks(tmp_path / "p.star")


def test_long_files_are_read_whole(tmp_path):
    """A character of several bytes may begin anywhere in the part read first."""
    for shift in range(4):
        table = pd.DataFrame({"name": ["x" * shift, *["äöü€" * 300] * 40]})
        write_blocks(tmp_path / "p.star", {"p": table})
        names = read_star_blocks(tmp_path / "p.star")["p"]["name"]
        assert names.tolist() == table["name"].tolist()


def test_missing_and_binary_files(tmp_path):
    (tmp_path / "p.star").write_bytes(b"data_\xff\xfe\xfa")
    (tmp_path / "v.star").write_bytes(b"\x98\0\0\0" * 99)
    (tmp_path / "w.star").write_bytes("data_ä".encode("latin-1") * 999)
    text = "not text in UTF-8 or UTF-16"
    for name, message in {"p": text, "v": text, "w": text, "q": "no such file"}.items():
        with pytest.raises(DataError, match=message):
            read_star_blocks(tmp_path / f"{name}.star")
