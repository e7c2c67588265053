"""Files are written completely or not at all; MRC headers; seeds; devices."""

import mrcfile
import numpy as np
import pytest
import torch

from ssn3d.device import pick_device, pick_precision
from ssn3d.errors import DataError, DeviceError
from ssn3d.files import atomic_path, read_json, sha256_of, write_json
from ssn3d.mrc import read_mrc, write_mrc
from ssn3d.seeds import generator
from ssn3d.segmentation.compute import torch_generator


def test_an_interrupted_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "out.txt"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), atomic_path(path) as partial:
        partial.write_text("half") and 1 / 0
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
    with atomic_path(path) as partial:
        partial.write_text("new")
    assert path.read_text() == "new"


def test_json_round_trip_and_damage(tmp_path):
    write_json(tmp_path / "a.json", {"x": [1, 2.5, None]})
    assert read_json(tmp_path / "a.json") == {"x": [1, 2.5, None]}
    assert len(sha256_of(tmp_path / "a.json")) == 64
    with pytest.raises(DataError, match=r"a\.json: lacks y, z; delete it and rerun"):
        read_json(tmp_path / "a.json", "x", "y", "z")
    for damaged in ("", '{"x": [1, 2', "[1]", "3", '{"x": NaN}', 9999 * "["):
        (tmp_path / "a.json").write_text(damaged)
        with pytest.raises(DataError, match=r"a\.json: not .*; delete it and rerun"):
            read_json(tmp_path / "a.json")
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "b.json", {"x": float("nan")})
    assert not (tmp_path / "b.json").exists()


@pytest.mark.parametrize("stack", [False, True])
def test_mrc_files_are_valid_and_carry_their_voxel_size(stack, tmp_path, capsys):
    array = generator(0, "m").standard_normal((4, 6, 8), dtype=np.float32)
    path = tmp_path / "v.mrc"
    write_mrc(path, array, 13.5, stack=stack, label="a label")
    again, voxel_size = read_mrc(path, (4, 6, 8))
    np.testing.assert_array_equal(again, array)
    assert voxel_size == 13.5
    assert mrcfile.validate(path), capsys.readouterr().out
    with mrcfile.open(path) as mrc:
        assert mrc.is_image_stack() == stack
        assert tuple(mrc.header.origin.tolist()) == (0, 0, 0)
        statistics = [float(mrc.header[key]) for key in ("dmin", "dmax", "dmean", "rms")]
    expected = [array.min(), array.max(), array.mean(), array.std()]
    assert statistics == pytest.approx(expected, rel=1e-5)


def test_mrc_files_have_a_checksum_and_those_of_others_need_none(tmp_path):
    array = generator(0, "m").standard_normal((4, 6, 8), dtype=np.float32)
    path = tmp_path / "v.mrc"
    write_mrc(path, array, 10.0)
    content = bytearray(path.read_bytes())
    content[-3] ^= 1  # in the data
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"v\.mrc: .*its checksum is wrong.*; delete it and rerun"):
        read_mrc(path)
    with mrcfile.new(path, array, overwrite=True) as mrc:
        mrc.voxel_size = 10.0
    np.testing.assert_array_equal(read_mrc(path)[0], array)


def test_labels_are_uint16(tmp_path):
    labels = np.arange(24, dtype=np.uint16).reshape(2, 3, 4) + 60000
    write_mrc(tmp_path / "l.mrc", labels, 10.0)
    again, _ = read_mrc(tmp_path / "l.mrc")
    assert again.dtype == np.uint16
    np.testing.assert_array_equal(again, labels)


def test_damaged_mrc_files_are_one_clear_line(tmp_path):
    path = tmp_path / "v.mrc"
    array = np.ones((4, 6, 8), np.float32)
    write_mrc(path, array, 10.0)
    with pytest.raises(DataError, match=r"shape \(4, 6, 8\), expected \(5, 6, 8\)"):
        read_mrc(path, (5, 6, 8))
    whole = path.read_bytes()
    for damaged in (whole[:500], whole[:-100], b"", b"<html>"):
        path.write_bytes(damaged)
        with pytest.raises(DataError, match=r"v\.mrc: not a readable MRC file"):
            read_mrc(path)


def test_seeds_depend_on_every_key():
    draws = [generator(*key).integers(2**62) for key in [(0, "a"), (1, "a"), (0, "b"), (0, "a", 1)]]
    assert len(set(draws)) == 4
    assert generator(0, "a").integers(2**62) == draws[0]
    assert torch_generator(0, "a").initial_seed() == torch_generator(0, "a").initial_seed()
    assert torch_generator(0, "a").initial_seed() != torch_generator(0, "b").initial_seed()


def test_a_device_is_chosen_or_refused_but_never_replaced(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert pick_device("auto").type == "cpu"
    with pytest.raises(DeviceError, match="device: cuda is unavailable"):
        pick_device("cuda")
    with pytest.raises(DeviceError, match="'gpu'"):
        pick_device("gpu")
    with pytest.raises(DeviceError, match="'half'"):
        pick_precision("half", pick_device("cpu"))


@pytest.mark.parametrize(("in_hardware", "expected"), [(False, "float32"), (True, "bfloat16")])
def test_bfloat16_that_a_gpu_only_emulates_is_not_chosen(monkeypatch, in_hardware, expected):
    monkeypatch.setattr(
        "torch.cuda.is_bf16_supported",
        lambda including_emulation=True: including_emulation or in_hardware,
    )
    assert str(pick_precision("auto", torch.device("cuda"))) == f"torch.{expected}"
