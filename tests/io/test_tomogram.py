"""Tomograms of other programs: modes, contrast, voxel size, and faults on one line."""

import gzip
import logging
import re
import sys

import mrcfile
import numpy as np
import pytest
import zarr

from own_tomograms import dark_spheres, write_tomogram
from ssn3d.core.errors import DataError
from ssn3d.core.seeds import generator
from ssn3d.io.tomogram import open_tomogram
from ssn3d.io.volumes import open_volume

SHAPE = (40, 64, 72)
CENTRES = np.stack(np.meshgrid([10, 28], [12, 32, 52], [12, 36, 60], indexing="ij"), -1)
VOLUME = dark_spheres(SHAPE, CENTRES.reshape(-1, 3), 5)


def standardised(values):
    values = values.astype(np.float64)
    return (values - values.mean()) / values.std()


def assert_same(found, expected):
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)


@pytest.fixture(autouse=True)
def _logged(caplog):
    caplog.set_level(logging.INFO, "ssn3d")


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.uint16, np.float16, np.float32, ">f4"])
def test_every_mode_is_read(tmp_path, dtype):
    values = (40 * VOLUME + (200 if dtype == np.uint16 else 0)).astype(dtype)
    tomogram = open_tomogram(write_tomogram(tmp_path / "t.mrc", values))
    assert tomogram.grid.shape == SHAPE
    assert tomogram.grid.origin_angstrom == (100.0, 200.0, 300.0)
    assert tomogram.grid.start_voxels == (-7, 0, 0)
    box = tomogram.box((3, 4, 5), (8, 9, 10))
    assert box.dtype == np.float32
    assert_same(box, standardised(values)[3:11, 4:13, 5:15])
    np.testing.assert_array_equal(tomogram.read(slice(3, 4)), values[3:4])


def test_bytes_of_imod_are_unsigned(tmp_path):
    values = (128 + 40 * VOLUME).astype(np.uint8)
    path = write_tomogram(tmp_path / "t.mrc", values.view(np.int8))
    content = bytearray(path.read_bytes())
    content[152:160] = np.array([1146047817, 0], "<i4").tobytes()
    path.write_bytes(content)
    tomogram = open_tomogram(path)
    assert_same(tomogram.box((0, 0, 0), SHAPE), standardised(values))
    assert tomogram.protein_is_dark


def test_box_is_mirrored(tmp_path):
    tomogram = open_tomogram(write_tomogram(tmp_path / "t.mrc", VOLUME))
    mirrored = np.pad(standardised(VOLUME), 50, mode="symmetric")
    box = tomogram.box((-50, 30, -3), (90, 40, 8))
    assert_same(box, mirrored[:90, 80:120, 47:55])


@pytest.mark.parametrize("voxel_size", [8.0, 25.0])
def test_contrast_is_estimated_and_logged(tmp_path, voxel_size, caplog):
    for sign, word in ((1, "dark"), (-1, "bright")):
        tomogram = open_tomogram(write_tomogram(tmp_path / "t.mrc", sign * VOLUME, voxel_size))
        assert re.search(rf"{voxel_size:g} A .*protein is {word}", caplog.messages[-1])
        assert_same(tomogram.box((0, 0, 0), SHAPE), standardised(VOLUME))


CHANGES = {
    "tiny": lambda v: v * np.float32(1e-30),
    "huge": lambda v: v * np.float32(1e15),
    "offset": lambda v: v + np.float32(1e4),
    "hot": lambda v: np.where(np.arange(v.size).reshape(SHAPE) % 2000 == 7, np.float32(1e4), v),
}  # of the hot voxels there are 5 in 10,000


@pytest.mark.parametrize("change", CHANGES)
def test_scale_offset_and_outliers(tmp_path, change):
    volume = CHANGES[change](VOLUME)
    tomogram = open_tomogram(write_tomogram(tmp_path / "t.mrc", volume))
    assert tomogram.protein_is_dark
    found = tomogram.box((0, 0, 0), SHAPE)
    assert np.abs(found - standardised(VOLUME))[volume != 1e4].max() < 0.15
    assert found.max() < 15


def test_contrast_and_voxel_size_can_be_given(tmp_path, caplog):
    tomogram = open_tomogram(write_tomogram(tmp_path / "t.mrc", VOLUME, 0.0), 13.5, "bright")
    assert re.search(r"72x64x40 .* 13\.5 A .*protein is bright", caplog.text)
    assert_same(tomogram.box((0, 0, 0), SHAPE), standardised(-VOLUME))
    with pytest.raises(DataError, match=r"0\.1 A .* is not between 0\.5 and 50"):
        open_tomogram(tmp_path / "t.mrc", 0.1)


def test_contrast_of_noise_is_a_guess(tmp_path, caplog):
    noise = dark_spheres((48, 48, 48), [], 0)
    assert open_tomogram(write_tomogram(tmp_path / "t.mrc", noise)).protein_is_dark
    assert "a guess" in caplog.text
    assert "tilt series" not in caplog.text


def test_warnings_of_odd_tomograms(tmp_path, caplog):
    noise = generator(0, "sections").standard_normal((80, 48, 80)).astype(np.float32)
    open_tomogram(write_tomogram(tmp_path / "t.mrc", noise))
    assert "as in a tilt series; is it a tomogram?" in caplog.text
    assert "if its thickness is along y" in caplog.text


def stack(path):
    with mrcfile.new(path, VOLUME) as mrc:
        mrc.set_image_stack()
        mrc.voxel_size = 10.0


def anisotropic(path):
    with mrcfile.new(path, VOLUME) as mrc:
        mrc.voxel_size = (10.0, 10.0, 20.0)


def with_nan(path):
    volume = VOLUME.copy()
    volume[17, 3, 3] = np.nan
    with pytest.warns(RuntimeWarning, match="NaN"):
        write_tomogram(path, volume)


def truncated(path):
    write_tomogram(path, VOLUME)
    path.write_bytes(path.read_bytes()[:-1])


FAULTS = {
    "a 2-D image": lambda path: write_tomogram(path, VOLUME[0]),
    "a stack of images": stack,
    "a stack of volumes": lambda path: write_tomogram(path, VOLUME[None]),
    "a Fourier transform": lambda path: write_tomogram(path, VOLUME.astype(np.complex64)),
    "NaN or infinity in section 17": with_nan,
    "all voxels are 3": lambda path: write_tomogram(path, np.full(SHAPE, 3, np.float32)),
    "no voxel size in its header": lambda path: write_tomogram(path, VOLUME, 0.0),
    "a voxel size of 1 A in its header": lambda path: write_tomogram(path, VOLUME, 1.0),
    "a voxel size of 1000 A": lambda path: write_tomogram(path, VOLUME, 1000.0),
    "its voxels are 10 x 10 x 20 A": anisotropic,
    "but the header implies 738304": truncated,
    "not a readable volume": lambda path: path.write_bytes(2000 * b"no tomogram "),
    "0 bytes, shorter than a header": lambda path: path.write_bytes(gzip.compress(b"")),
    "no such file": lambda _: None,
}


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_is_one_line(tmp_path, fault):
    FAULTS[fault](tmp_path / "t.mrc")
    with pytest.raises(DataError, match=r"t\.mrc: ") as caught:
        open_tomogram(tmp_path / "t.mrc")
    assert fault in str(caught.value)
    assert "\n" not in str(caught.value)


def write_ome_zarr(path, values, version, unit="nanometer", names="tzyx", **changes):
    """Write OME-Zarr of OME-NGFF 0.3, 0.4 (Zarr 2) or 0.5 (Zarr 3), voxels of 0.8, 0.8, 0.8."""
    axes = [{"name": n, "type": "space", "unit": unit} for n in names]
    scales = [{"type": "scale", "scale": [1.0, 0.8, 0.8, 0.8][4 - len(names) :]}]
    dataset = {"path": "0", "coordinateTransformations": scales}
    if version == "0.3":
        axes, dataset = list(names), {"path": "0"}
    image = {"axes": axes, "datasets": [dataset]} | changes
    content = {"multiscales": [image]}
    attributes = {"ome": content} if version == "0.5" else content
    zarr_format = 3 if version == "0.5" else 2
    group = zarr.open_group(path, mode="w", zarr_format=zarr_format, attributes=attributes)
    array = group.create_array("0", shape=values.shape, chunks=(1, 16, 16, 16)[-values.ndim :],
                               dtype=values.dtype)  # fmt: skip
    array[:] = values
    return path


def test_ome_zarr_scales_are_multiplied(tmp_path):
    both = [
        {"type": "scale", "scale": [2.0, 2.0, 2.0]},
        {"type": "translation", "translation": [1.0, 2.0, 3.0]},
    ]
    path = write_ome_zarr(tmp_path / "t.zarr", VOLUME, "0.5", names="zyx",
                          coordinateTransformations=both)  # fmt: skip
    grid = open_tomogram(path).grid
    assert grid.voxel_size_angstrom == pytest.approx(16.0)
    assert grid.origin_angstrom == pytest.approx((30.0, 20.0, 10.0))


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_missing_chunks_are_counted(tmp_path, version, caplog):
    path = write_ome_zarr(tmp_path / "t.zarr", VOLUME, version, names="zyx")
    open_tomogram(path)
    assert "chunks are missing" not in caplog.text
    chunks = [
        p for p in (path / "0").rglob("*") if p.name.replace(".", "").isdigit() and p.is_file()
    ]
    for chunk in chunks[:7]:
        chunk.unlink()
    open_tomogram(path)
    assert f"7 of {len(chunks)} chunks are missing and read as 0" in caplog.text


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_ome_zarr_is_read(tmp_path, version):
    tomogram = open_tomogram(write_ome_zarr(tmp_path / "t.ome.zarr", -VOLUME[None], version))
    assert (tomogram.name, tomogram.grid.shape) == ("t", SHAPE)
    assert tomogram.grid.voxel_size_angstrom == pytest.approx(8.0)
    assert not tomogram.protein_is_dark
    box = tomogram.box((3, 4, 5), (8, 9, 10))
    assert_same(box, standardised(VOLUME)[3:11, 4:13, 5:15])


def test_ome_zarr_is_decompressed_once(tmp_path, monkeypatch):
    path = write_ome_zarr(tmp_path / "t.zarr", VOLUME, "0.5", names="zyx")
    reads, read = [], zarr.Array.__getitem__
    monkeypatch.setattr(zarr.Array, "__getitem__", lambda *a: reads.append(a) or read(*a))
    open_tomogram(path)
    assert len(reads) == 3  # rows of 16 sections
    (path / "0" / "c" / "1" / "0" / "0").write_bytes(b"damaged")
    with pytest.raises(DataError, match=r"t\.zarr: a chunk is damaged"):
        open_volume(path)


WITHOUT_SCALE = {"datasets": [{"path": "0"}]}


@pytest.mark.parametrize(
    ("version", "changes"),
    [("0.3", WITHOUT_SCALE), ("0.4", WITHOUT_SCALE), ("0.5", {"unit": "pixel"})],
)
def test_ome_zarr_needs_a_voxel_size(tmp_path, version, changes):
    path = write_ome_zarr(tmp_path / "t.zarr", VOLUME, version, names="zyx", **changes)
    with pytest.raises(DataError, match=r"no voxel size .*--voxel-size"):
        open_tomogram(path)
    assert open_tomogram(path, 9.0).grid.voxel_size_angstrom == 9.0


def test_faulty_ome_zarr_is_one_line(tmp_path, monkeypatch):
    (tmp_path / "zarr.json").write_text("{}")
    with pytest.raises(DataError, match="not an image of OME-Zarr"):
        open_tomogram(tmp_path)
    two = write_ome_zarr(tmp_path / "two.zarr", np.stack([VOLUME, VOLUME]), "0.5")
    with pytest.raises(DataError, match="axes t, z, y, x of 2x40x64x72"):
        open_tomogram(two)
    monkeypatch.setitem(sys.modules, "zarr", None)
    with pytest.raises(DataError, match="to read OME-Zarr, pip install"):
        open_tomogram(two)
    (tmp_path / "several").mkdir()
    with pytest.raises(
        DataError, match="several: a folder, but not of OME-Zarr; give one tomogram"
    ):
        open_tomogram(tmp_path / "several")
