"""MRC files of other programs, headers that lie, and labels."""

import mrcfile
import numpy as np
import pytest

from ssn3d.errors import DataError
from ssn3d.mrc import read_mrc, shape_of_mrc, write_mrc
from ssn3d.seeds import generator

SHAPE = (4, 6, 8)


@pytest.fixture
def array():
    return generator(0, "mrc").standard_normal(SHAPE, dtype=np.float32)


def test_a_label_stands_in_the_header_beside_the_checksum(array, tmp_path):
    write_mrc(tmp_path / "v.mrc", array, 10.0, label=60 * "long ")
    write_mrc(tmp_path / "plain.mrc", array, 10.0)
    with mrcfile.open(tmp_path / "v.mrc") as mrc:
        labels = mrc.get_labels()
    assert any(label.startswith("long long") for label in labels)
    assert any(label.startswith("ssn3d crc32 ") for label in labels)
    with mrcfile.open(tmp_path / "plain.mrc") as mrc:
        assert mrc.is_volume()
        assert len(mrc.get_labels()) == len(labels) - 1
    np.testing.assert_array_equal(read_mrc(tmp_path / "v.mrc")[0], array)


def test_what_was_read_can_be_changed(array, tmp_path):
    write_mrc(tmp_path / "v.mrc", array, 10.0)
    volume, _ = read_mrc(tmp_path / "v.mrc", SHAPE)
    volume += 1
    np.testing.assert_array_equal(volume, array + 1)
    np.testing.assert_array_equal(read_mrc(tmp_path / "v.mrc")[0], array)


def test_an_extended_header_of_another_program_is_passed_over(array, tmp_path):
    with mrcfile.new(tmp_path / "v.mrc", array) as mrc:
        mrc.set_extended_header(np.zeros(3, dtype="V80"))
        mrc.voxel_size = 2.5
    assert shape_of_mrc(tmp_path / "v.mrc") == SHAPE
    again, voxel_size = read_mrc(tmp_path / "v.mrc")
    np.testing.assert_array_equal(again, array)
    assert voxel_size == 2.5


@pytest.mark.parametrize("edges", [(60000, 60000, 60000), (0, 6, 8), (4, 6, 7)])
def test_a_header_of_another_size_is_one_line_before_memory_is_asked_for(edges, array, tmp_path):
    path = tmp_path / "v.mrc"
    write_mrc(path, array, 10.0)
    content = bytearray(path.read_bytes())
    content[:12] = np.array(edges[::-1], dtype="<i4").tobytes()  # columns, rows, sections
    path.write_bytes(content)
    for read in (read_mrc, shape_of_mrc):
        with pytest.raises(
            DataError, match=r"v\.mrc: not a readable MRC file .*; delete it"
        ) as one:
            read(path)
        assert "\n" not in str(one.value)


def test_a_single_section_is_a_volume_too(tmp_path):
    write_mrc(tmp_path / "v.mrc", np.ones((1, 6, 8), np.float32), 10.0)
    assert shape_of_mrc(tmp_path / "v.mrc") == (1, 6, 8)
    assert (read_mrc(tmp_path / "v.mrc", (1, 6, 8))[0] == 1).all()
