"""Volumes of other formats than MRC, recognised by their content."""

import bz2
import gzip
import logging

import numpy as np
import pytest
import tifffile

from disks import small_disk
from own_tomograms import dark_spheres, write_tomogram
from ssn3d.core.errors import DataError, WriteError
from ssn3d.core.seeds import generator
from ssn3d.io.mrc import read_labels, read_mrc
from ssn3d.io.tomogram import open_tomogram
from ssn3d.io.volumes import open_volume

SHAPE = (12, 20, 30)
VOLUME = generator(0, "formats").standard_normal(SHAPE).astype(np.float32)


def write_em(path, volume, order="<"):
    codes = {"f4": 5, "i2": 2, "i1": 1, "f8": 9}
    head = bytearray(512)
    head[0], head[3] = (6, 5)[order == ">"], codes[volume.dtype.str[1:]]
    head[4:16] = np.array(volume.shape[::-1], f"{order}i4").tobytes()
    path.write_bytes(bytes(head) + volume.astype(volume.dtype.newbyteorder(order)).tobytes())


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int16, np.int8])
def test_em_is_read(tmp_path, order, dtype):
    volume = (40 * VOLUME).clip(-100, 100).astype(dtype)
    write_em(tmp_path / "labels.vol", volume, order)
    np.testing.assert_array_equal(read_labels(tmp_path / "labels.vol"), volume)
    with pytest.raises(DataError, match=r"labels\.vol: no voxel size in its header"):
        read_mrc(tmp_path / "labels.vol")


OME = {"axes": "ZYX"} | {f"PhysicalSize{axis}": 0.8 for axis in "XYZ"}
OME |= {f"PhysicalSize{axis}Unit": "nm" for axis in "XYZ"}
TIFFS = {
    "ImageJ": {
        "imagej": True, "byteorder": ">", "resolution": (1 / 0.8, 1 / 0.8),
        "metadata": {"unit": "nm", "spacing": 0.8},
    },
    "OME": {"ome": True, "metadata": OME},
}  # fmt: skip


@pytest.mark.parametrize("kind", TIFFS)
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_tiff_is_read_with_its_voxel_size(tmp_path, kind, compression):
    path = tmp_path / "t.dat"
    tifffile.imwrite(path, VOLUME, compression=compression, **TIFFS[kind])
    stored = open_volume(path)
    assert stored.edges_angstrom == pytest.approx((8.0, 8.0, 8.0))
    np.testing.assert_array_equal(stored.read(np.s_[3:5, 2:]), VOLUME[3:5, 2:])
    np.testing.assert_array_equal(read_mrc(path, SHAPE)[0], VOLUME)


def test_imagej_leaves_out_a_spacing_of_1(tmp_path):
    metadata = {"axes": "ZYX", "unit": "nm"}
    tifffile.imwrite(tmp_path / "t.tif", VOLUME, imagej=True, resolution=(1, 1), metadata=metadata)
    assert open_volume(tmp_path / "t.tif").edges_angstrom == (10.0, 10.0, 10.0)


def test_plain_tiff_needs_a_voxel_size(tmp_path):
    tifffile.imwrite(tmp_path / "t.tif", VOLUME)
    with pytest.raises(DataError, match=r"no voxel size .*--voxel-size"):
        open_tomogram(tmp_path / "t.tif")
    assert open_tomogram(tmp_path / "t.tif", 10.0).grid.shape == SHAPE


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress])
def test_compressed_tomogram_is_read(tmp_path, pack):
    plain = write_tomogram(tmp_path / "t.mrc", VOLUME)
    (tmp_path / "t.mrc.gz").write_bytes(pack(plain.read_bytes()))
    tomogram = open_tomogram(tmp_path / "t.mrc.gz")
    assert tomogram.name == "t"
    assert tomogram.grid == open_tomogram(plain).grid
    np.testing.assert_array_equal(tomogram.read(np.s_[2:4, 5:]), VOLUME[2:4, 5:])


def test_no_room_to_decompress(tmp_path, monkeypatch):
    tifffile.imwrite(tmp_path / "t.tif", VOLUME, compression="zlib")
    (tmp_path / "t.gz").write_bytes(gzip.compress(VOLUME.tobytes()))
    with small_disk(tmp_path / "disk", 4):
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "disk"))
        for name in ("t.tif", "t.gz"):
            with pytest.raises(WriteError, match=rf"{name}: no room in .*TMPDIR"):
                open_volume(tmp_path / name)


SMOOTH = (128 + 25 * dark_spheres((24, 32, 40), [[12, 16, 20]], 5)).clip(0, 255)
BYTES = {
    "smooth": SMOOTH.astype(np.uint8),
    "mask": np.where(VOLUME > 0, 255, 0).astype(np.uint8),
    "signed": (25 * VOLUME).clip(-128, 127).astype(np.int8),
}


@pytest.mark.parametrize(
    ("kind", "statistics"),
    [("smooth", s) for s in ((0, 255, 128), (3, 190, 128), (0, 0, 0), (0, -1, -2))]
    + [("mask", (0, 0, 0)), ("signed", (-90, 90, 0)), ("signed", (0, 0, 0))],
)
def test_sign_of_bytes_without_a_flag(tmp_path, kind, statistics, caplog):
    """Programs wrote bytes of either kind before the format had a flag for them."""
    values = BYTES[kind]
    path = write_tomogram(tmp_path / "t.mrc", values.view(np.int8))
    content = bytearray(path.read_bytes())
    content[76:88] = np.array(statistics, "<f4").tobytes()
    path.write_bytes(content)
    np.testing.assert_array_equal(read_labels(path), values)
    assert ("without a sign" in caplog.text) == (kind != "signed")


def odd_tiff(path):
    tifffile.imwrite(path, np.zeros((4, 5, 6, 7), np.uint8))


def colours(path):
    tifffile.imwrite(path, np.zeros((40, 50, 3), np.uint8), photometric="rgb")


def damaged(path):
    """Spoil the compressed voxels, which are the last bytes."""
    tifffile.imwrite(path, VOLUME, compression="zlib")
    content = path.read_bytes()
    path.write_bytes(content[:-500] + b"\7" * 500)


@pytest.mark.parametrize("extra", [{}, {"ome": True, "metadata": OME}])
def test_flipped_bytes_of_tiff(extra, tmp_path, caplog):
    """The library raises errors of every kind; here they are one line, or harmless."""
    caplog.set_level(logging.CRITICAL, "tifffile")
    path, rng = tmp_path / "t.tif", generator(0, "flips")
    tifffile.imwrite(path, VOLUME[:6, :7, :8], **extra)
    whole, faults = path.read_bytes(), 0
    for place in rng.integers(len(whole), size=150).tolist():
        path.write_bytes(whole[:place] + rng.bytes(1) + whole[place + 1 :])
        try:
            open_volume(path)
        except DataError:
            faults += 1
    assert faults > 0


FAULTS = {
    "40x50x3 of uint8, not one volume of sections": colours,
    "4x5x6x7 of uint8, not one volume of sections": odd_tiff,
    "not a readable TIFF file": lambda path: path.write_bytes(b"II*\0" + b"\1" * 40),
    "a readable TIFF file": damaged,
    "an HDF5 file; convert it to MRC": lambda path: path.write_bytes(b"\x89HDF\r\n\x1a\n"),
    "a 2-D image": lambda path: write_em(path, VOLUME[:1]),
    "of no known format": lambda path: path.write_bytes(b"no volume" * 200),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_is_one_line(tmp_path, fault, caplog):
    caplog.set_level(logging.CRITICAL, "tifffile")
    FAULTS[fault](tmp_path / "t.tif")
    with pytest.raises(DataError, match=r"t\.tif: ") as caught:
        open_volume(tmp_path / "t.tif")
    assert fault in str(caught.value)
