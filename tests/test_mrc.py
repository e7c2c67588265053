"""Files that make mrcfile warn, or fail, are one line that names them."""

import bz2
import gzip
import warnings

import mrcfile
import numpy as np
import pytest

from ssn3d.errors import DataError
from ssn3d.mrc import read_mrc, shape_of_mrc, write_mrc

SIZES, MODE, INTERVALS, CELL, EXTENDED, MAP, STAMP = 0, 12, 28, 40, 92, 208, 212  # header offsets


@pytest.fixture(name="path")
def give_path(tmp_path):
    """Give the path of a good file without a checksum."""
    path = tmp_path / "v.mrc"
    with mrcfile.new(path, np.ones((4, 6, 8), np.float32)) as mrc:
        mrc.voxel_size = 10.0
    assert read_mrc(path)[1] == 10.0
    return path


def refused(path, read=read_mrc):
    """Give the line in which a file is refused."""
    with pytest.raises(DataError, match=r"v\.mrc: ") as caught:
        read(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("read", [shape_of_mrc, read_mrc])
@pytest.mark.parametrize(
    ("offset", "value", "problem"),
    [
        (MAP, b"PAM ", "Map ID string not found"),
        (STAMP, b"\0\0\0\0", "Unrecognised machine stamp"),
        (STAMP, b"\x11\x11\0\0", "Unrecognised mode"),  # of the other byte order
        (MODE, b"\x63\0\0\0", "Unrecognised mode '99'"),
        (MODE, b"\0\0\0\0", "where the header implies"),  # one byte a voxel
        (EXTENDED, b"\0\x10\0\0", "extended header but could only read"),
        (SIZES, b"\xff\xff\xff\x7f", "where the header implies"),
        (SIZES, b"\0\0\0\0", "where the header implies"),
    ],
)
def test_a_damaged_header_is_one_line(path, read, offset, value, problem):
    content = path.read_bytes()
    path.write_bytes(content[:offset] + value + content[offset + 4 :])
    assert problem in refused(path, read)


@pytest.mark.parametrize(
    ("offset", "value"), [(INTERVALS, 0), (INTERVALS, -1), (CELL, 0.0), (CELL, np.nan)]
)
def test_a_file_without_a_voxel_size_is_one_line(path, offset, value):
    content = path.read_bytes()
    value = np.array([value], dtype="<f4" if offset == CELL else "<i4").tobytes()
    path.write_bytes(content[:offset] + value + content[offset + 4 :])
    assert "no voxel size" in refused(path)


@pytest.mark.parametrize("read", [shape_of_mrc, read_mrc])
@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress])
def test_a_compressed_file_is_one_line(path, read, compress):
    whole = compress(path.read_bytes())
    for content in (whole, whole[:-30], whole[:30]):
        path.write_bytes(content)
        assert "not a readable MRC file" in refused(path, read)


def test_complex_voxels_are_one_line(path):
    with mrcfile.new(path, np.ones((4, 6, 8), np.complex64), overwrite=True) as mrc:
        mrc.voxel_size = 10.0
    assert "complex64, not real" in refused(path)


@pytest.mark.parametrize("values", [[np.nan], [np.inf], [np.inf, -np.inf]])
def test_nan_and_infinity_are_neither_written_nor_read(path, values):
    array = np.zeros((4, 6, 8), dtype=np.float32)
    array[1, 2, : len(values)] = values
    with pytest.raises(DataError, match=r"new\.mrc: not written"):
        write_mrc(path.with_name("new.mrc"), array, 10.0)
    assert [found.name for found in path.parent.iterdir()] == ["v.mrc"]
    with warnings.catch_warnings(action="ignore"), mrcfile.open(path, "r+") as mrc:
        mrc.set_data(array)
    assert "holds NaN or infinity" in refused(path)
