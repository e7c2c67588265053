"""MRC files: labels, headers of other programs, and errors on one line."""

import bz2
import gzip
import signal
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import mrcfile
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssn3d.core.errors import DataError
from ssn3d.core.seeds import generator
from ssn3d.io.mrc import Grid, new_sections, read_mrc, write_mrc
from ssn3d.io.volumes import open_volume

SHAPE = (4, 6, 8)

# header offsets
SIZES, MODE, INTERVALS, CELL, AXES, EXTENDED, MAP, STAMP = 0, 12, 28, 40, 64, 92, 208, 212


@pytest.fixture(name="path")
def give_path(tmp_path):
    """Return the path of a good file without a checksum."""
    path = tmp_path / "v.mrc"
    with mrcfile.new(path, np.ones(SHAPE, np.float32)) as mrc:
        mrc.voxel_size = 10.0
    assert read_mrc(path)[1] == 10.0
    return path


def refused(path, read=read_mrc):
    """Return the message."""
    with pytest.raises(DataError, match=r"v\.mrc: ") as caught:
        read(path)
    return str(caught.value)


def changed(path, offset, value):
    content = path.read_bytes()
    path.write_bytes(content[:offset] + value + content[offset + len(value) :])


@pytest.mark.parametrize("read", [open_volume, read_mrc])
@pytest.mark.parametrize(
    ("offset", "value", "problem"),
    [
        (MODE, b"\x63\0\0\0", "mode 99 of MRC is unknown"),
        (MODE, b"\x65\0\0\0", "4 bits (mode 101)"),
        (MODE, b"\x04\0\0\0", "a Fourier transform"),
        (EXTENDED, b"\1\x10\0\0", "but the header implies 5889"),
        (SIZES, b"\x80\0\0\0", "but the header implies"),
        (SIZES, b"\xff\xff\xff\x7f", "not a readable volume"),
        (SIZES, b"\0\0\0\0", "not a readable volume"),
        (AXES, b"\1\0\0\0\1", "axes (1, 1, 3)"),
    ],
)
def test_damaged_header_is_one_line(path, read, offset, value, problem):
    changed(path, offset, value)
    if offset == EXTENDED:
        path.write_bytes(path.read_bytes() + b"more")
    assert problem in refused(path, read)


@pytest.mark.parametrize(
    ("offset", "value", "warning"),
    [
        (MAP, b"\0\0\0\0", "no MAP string"),
        (STAMP, b"\x44\x20\x20\x20", "machine stamp 44 20 20 20"),
        (STAMP, b"\0\0\0\0", "machine stamp 00 00 00 00"),
        (STAMP, b"\x11\x11\0\0", "little-endian"),  # of the other byte order
        (EXTENDED, b"\0\xc3\0\0", "extended header of 49920 bytes"),
    ],
)
def test_odd_header_is_read(path, offset, value, warning, caplog):
    changed(path, offset, value)
    volume, voxel_size = read_mrc(path)
    assert (volume == 1).all()
    assert (volume.shape, voxel_size) == (SHAPE, 10.0)
    assert warning in caplog.text


@given(
    st.permutations([1, 2, 3]),
    st.sampled_from("<>"),
    st.sampled_from(["i1", "i2", "u2", "f4"]),
    st.sampled_from([bytes, gzip.compress, bz2.compress]),
)
def test_axes_byte_orders_and_modes_are_read(axes, order, dtype, pack):
    """The same volume, stored in any axis order, is the same volume."""
    volume = np.arange(np.prod(SHAPE)).reshape(SHAPE)[::-1] % 101
    stored = volume.transpose([3 - axis for axis in axes[::-1]]).astype(f"{order}{dtype}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "v.mrc"
        with mrcfile.new(path, stored) as mrc:
            mrc.header.mapc, mrc.header.mapr, mrc.header.maps = axes
            mrc.header.mx, mrc.header.my, mrc.header.mz = SHAPE[::-1]
            mrc.header.cella = (80.0, 60.0, 40.0)
            for name, axis in zip(("nxstart", "nystart", "nzstart"), axes, strict=True):
                mrc.header[name] = axis
        path.write_bytes(pack(path.read_bytes()))
        found = open_volume(path)
        read, _ = read_mrc(path)
    np.testing.assert_array_equal(read, volume)
    assert found.edges_angstrom == (10.0, 10.0, 10.0)
    assert found.start_voxels == (1, 2, 3)


@pytest.mark.parametrize(
    ("offset", "value"), [(INTERVALS, 0), (INTERVALS, -1), (CELL, 0.0), (CELL, np.nan)]
)
def test_missing_voxel_size_is_one_line(path, offset, value):
    changed(path, offset, np.array([value], "<f4" if offset == CELL else "<i4").tobytes())
    assert "no voxel size" in refused(path)


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress])
def test_damaged_compression_is_one_line(path, compress):
    whole = compress(path.read_bytes())
    for content in (whole[:-30], whole[:30], whole[:20] + whole[22:]):
        path.write_bytes(content)
        assert "not a readable volume" in refused(path)


@pytest.mark.parametrize("values", [[np.nan], [np.inf], [np.inf, -np.inf]])
def test_nan_is_neither_written_nor_read(path, values):
    array = np.zeros(SHAPE, dtype=np.float32)
    array[1, 2, : len(values)] = values
    with pytest.raises(DataError, match=r"new\.mrc: not written"):
        write_mrc(path.with_name("new.mrc"), array, 10.0)
    assert [found.name for found in path.parent.iterdir()] == ["v.mrc"]
    with warnings.catch_warnings(action="ignore"), mrcfile.open(path, "r+") as mrc:
        mrc.set_data(array)
    assert "holds NaN or infinity" in refused(path)


@pytest.fixture
def array():
    return generator(0, "mrc").standard_normal(SHAPE, dtype=np.float32)


def test_half_precision(array, tmp_path):
    write_mrc(tmp_path / "half.mrc", 500 * array, 10.0, half_precision=True)
    assert (tmp_path / "half.mrc").stat().st_size == 1024 + 2 * array.size
    read, _ = read_mrc(tmp_path / "half.mrc", SHAPE)
    assert read.dtype == np.float32
    np.testing.assert_allclose(read, 500 * array, rtol=2**-11)
    with pytest.raises(DataError, match=r"large\.mrc: not written"):
        write_mrc(tmp_path / "large.mrc", 1e5 + array, 10.0, half_precision=True)


def test_gz_is_compressed(tmp_path):
    labels = np.repeat(np.arange(8, dtype=np.uint16), 512).reshape(16, 16, 16)
    path = tmp_path / "labels.mrc.gz"
    write_mrc(path, labels, 10.0)
    assert [found.name for found in tmp_path.iterdir()] == ["labels.mrc.gz"]
    assert path.stat().st_size < labels.nbytes / 10
    assert open_volume(path).shape == labels.shape
    np.testing.assert_array_equal(read_mrc(path, labels.shape)[0], labels)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match=r"labels\.mrc\.gz: not a readable volume"):
        read_mrc(path)


@pytest.mark.parametrize("stack", [False, True])
def test_written_files_are_valid(stack, array, tmp_path, capsys):
    path = tmp_path / "v.mrc"
    write_mrc(path, array, 13.5, stack=stack, label=60 * "long ")
    again, voxel_size = read_mrc(path, SHAPE)
    np.testing.assert_array_equal(again, array)
    assert voxel_size == 13.5
    assert mrcfile.validate(path), capsys.readouterr().out
    with mrcfile.open(path) as mrc:
        assert (mrc.is_image_stack(), mrc.is_volume()) == (stack, not stack)
        assert [label.split()[0] for label in mrc.get_labels()] == ["long", "ssn3d"]
        statistics = [float(mrc.header[key]) for key in ("dmin", "dmax", "dmean", "rms")]
    expected = [array.min(), array.max(), array.mean(), array.std()]
    assert statistics == pytest.approx(expected, rel=1e-5)
    again += 1  # in memory only
    np.testing.assert_array_equal(read_mrc(path)[0], array)


def test_extended_header_is_skipped(array, tmp_path):
    path = tmp_path / "v.mrc"
    with mrcfile.new(path, array) as mrc:
        mrc.set_extended_header(np.zeros(3, dtype="V80"))
        mrc.voxel_size = 2.5
    path.write_bytes(path.read_bytes() + b"more")
    assert open_volume(path).shape == SHAPE
    again, voxel_size = read_mrc(path)
    np.testing.assert_array_equal(again, array)
    assert voxel_size == 2.5


def test_single_section_is_a_volume(tmp_path):
    write_mrc(tmp_path / "v.mrc", np.ones((1, 6, 8), np.float32), 10.0)
    assert (read_mrc(tmp_path / "v.mrc", (1, 6, 8))[0] == 1).all()
    with pytest.raises(DataError, match=r"v\.mrc: shape \(1, 6, 8\), expected \(6, 8\); make"):
        read_mrc(tmp_path / "v.mrc", (6, 8))


GRID = Grid((5, 6, 7), 13.48, (1.0, -2.0, 3.0), (4, 5, -6))


@pytest.mark.parametrize("dtype", [np.int8, np.uint16, np.float32])
def test_sections_have_grid_and_checksum(tmp_path, dtype, capsys):
    array = (20 * generator(0, "sections").random(GRID.shape)).astype(dtype)
    path = tmp_path / "v.mrc"
    with new_sections(path, GRID, dtype, "a label") as file:
        file.write(array[:2])
        file.write(array[2:])
    assert mrcfile.validate(path), capsys.readouterr().out
    again, voxel_size = read_mrc(path, GRID.shape)
    np.testing.assert_array_equal(again, array)
    assert again.dtype == dtype
    assert voxel_size == pytest.approx(13.48)
    with mrcfile.open(path) as mrc:
        header = mrc.header
        assert header.origin.tolist() == (1.0, -2.0, 3.0)
        assert (header.nxstart, header.nystart, header.nzstart) == (4, 5, -6)
        assert header.dmax == array.max()
        assert float(header.rms) == pytest.approx(float(array.std()), rel=1e-5)
        assert mrc.get_labels()[0] == "a label"
    content = bytearray(path.read_bytes())
    content[1100] ^= 1
    path.write_bytes(content)
    assert "checksum is wrong" in refused(path)


KILLED = """
import os, sys
import numpy as np
from ssn3d.io import mrc
setattr(mrc, sys.argv[2], lambda *_: os.kill(os.getpid(), 9))
mrc.write_mrc(sys.argv[1], np.ones((4, 6, 8), np.float32), 1.0)
"""


@pytest.mark.parametrize("function", ["_compress", "_statistics"])
def test_nothing_is_left_of_killed_writes(tmp_path, function):
    path = tmp_path / "labels.mrc.gz"
    killed = [sys.executable, "-c", KILLED, str(path), function]
    assert subprocess.run(killed, check=False).returncode == -signal.SIGKILL
    assert list(tmp_path.iterdir())
    write_mrc(path, np.ones(SHAPE, np.float32), 1.0)
    assert list(tmp_path.iterdir()) == [path]
