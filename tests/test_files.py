"""Files are written completely or not at all; errors; seeds; devices."""

import pytest
import torch

from ssn3d.device import pick_device, pick_precision
from ssn3d.errors import DataError, DeviceError
from ssn3d.files import atomic_path, read_json, read_tsv, sha256_of, write_json
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


def test_a_table_of_facts_has_the_places_of_its_lines(tmp_path):
    path = tmp_path / "facts.tsv"
    path.write_text("a\tb\n1\t2\n\n3\n")
    first, second = {"a": "1", "b": "2"}, {"a": "3", "b": ""}
    assert read_tsv(path) == [(f"{path}: line 2", first), (f"{path}: line 4", second)]
    path.write_bytes(b"\xff\xfe\x00")
    for bad in (path, tmp_path / "none.tsv"):
        with pytest.raises(DataError, match=rf"{bad}: not a readable table"):
            read_tsv(bad)


def test_an_error_that_quotes_several_lines_is_one_line():
    assert str(DataError("a.yaml: damaged (line 3:\n  a: [\n     ^)")) == (
        "a.yaml: damaged (line 3: a: [ ^)"
    )


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
