"""Files are written completely or not at all; errors; seeds; devices."""

import errno

import pytest
import torch

from disks import protected
from ssn3d.core.device import pick_device, pick_precision
from ssn3d.core.errors import ConfigError, DataError, DeviceError, SSN3DError
from ssn3d.core.seeds import generator
from ssn3d.io.delimited import read_tsv
from ssn3d.io.files import atomic_path, read_json, sha256_of, write_json
from ssn3d.io.tables import read_csv
from ssn3d.io.text_files import read_any_text
from ssn3d.io.volumes import open_volume
from ssn3d.io.yaml_files import read_yaml
from ssn3d.segmentation.evaluation.run_io import read_prediction
from ssn3d.segmentation.inference.compute import torch_generator
from ssn3d.segmentation.training.checkpoint import read_tensors
from ssn3d.structures.coordinates import file_content
from ssn3d.structures.structure import read_structure
from ssn3d.subtomograms.store import open_shard


def test_interrupted_write_leaves_the_old_file(tmp_path):
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


def test_facts_have_line_numbers(tmp_path):
    path = tmp_path / "facts.tsv"
    path.write_text("a\tb\n1\t2\n\n3\n")
    first, second = {"a": "1", "b": "2"}, {"a": "3", "b": ""}
    assert read_tsv(path) == [(f"{path}: line 2", first), (f"{path}: line 4", second)]
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match=rf"{path}: not a readable table"):
        read_tsv(path)
    path.write_text("a\tb\ta\n1\t2\t3\n")
    with pytest.raises(DataError, match=rf"{path}: column a is there twice"):
        read_tsv(path)


READERS = {
    "JSON": read_json,
    "CSV": lambda path: read_csv(path, {"row": int}),
    "TSV": read_tsv,
    "YAML": read_yaml,
    "weights": read_tensors,
    "structure": read_structure,
    "coordinates": file_content,
    "shard": open_shard,
    "masks": lambda path: read_prediction(path, "t1", 1),
}


@pytest.mark.parametrize("kind", READERS)
def test_advice_follows_the_cause(kind, tmp_path, monkeypatch):
    """A path that is misspelt, a folder or forbidden is never one to be deleted."""
    path = tmp_path / "x.dat"
    path.write_bytes(b"\x1f\x8b\xff of no use")
    causes = {
        tmp_path / "misspelt.dat": "no such file",
        path / "below.dat": "no such file",
        tmp_path: "a folder",
    }
    with monkeypatch.context() as patched:
        patched.setattr("os.access", lambda *_: False)
        with pytest.raises(SSN3DError) as caught:
            READERS[kind](path)
        message = str(caught.value)
        assert "no permission" in message or kind == "coordinates"  # a damaged gzip stream
    for place, cause in causes.items():
        with pytest.raises(SSN3DError) as caught:
            READERS[kind](place)
        assert str(caught.value).startswith(f"{place}: {cause}")
        assert "delete" not in str(caught.value)


@pytest.mark.parametrize("read", [*list(READERS.values())[:4], read_any_text, open_volume])
def test_forbidden_folders(read, tmp_path):
    """Not even whether the file is there can be known."""
    (tmp_path / "x.dat").write_text("a")
    with protected(tmp_path, 0), pytest.raises(SSN3DError, match="ermission"):
        read(tmp_path / "x.dat")


def test_users_weights_are_not_deleted(tmp_path):
    (tmp_path / "w.pt").write_bytes(b"PK damaged")
    with pytest.raises(SSN3DError, match=r"w\.pt: not a .*; restore it") as caught:
        read_tensors(tmp_path / "w.pt")
    assert "delete" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("seed: 1\nseed: 2\n", "line 2: key 'seed'"),
        ("snr:\n  datasets: []\n  datasets: []\n", "line 3: key 'datasets'"),
        ("rows: [{a: 1, 'a': 2}]\n", "line 1: key 'a'"),
    ],
)
def test_repeated_yaml_keys(text, key, tmp_path):
    (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(ConfigError, match=rf"c\.yaml: {key} stands twice"):
        read_yaml(tmp_path / "c.yaml")
    (tmp_path / "c.yaml").write_text("a: &x {b: 1}\nc: {b: 2}\nd: {<<: *x, b: 3}\n")
    assert read_yaml(tmp_path / "c.yaml")["d"] == {"b": 3}


LOCKED = [
    (OSError(errno.ENOLCK, "No locks available"), "HDF5_USE_FILE_LOCKING=FALSE"),
    (BlockingIOError(errno.EAGAIN, "unable to lock file, errno = 11"), "another process"),
]


@pytest.mark.parametrize(("error", "reason"), LOCKED)
@pytest.mark.parametrize("kind", ["shard", "masks"])
def test_locked_hdf5_files(kind, error, reason, tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise error

    (tmp_path / "a.h5").touch()
    monkeypatch.setattr("h5py.File", refuse)
    with pytest.raises(DataError, match=reason) as caught:
        READERS[kind](tmp_path / "a.h5")
    assert "delete" not in str(caught.value)


def test_errors_are_one_line():
    assert str(DataError("a.yaml: damaged (line 3:\n  a: [\n     ^)")) == (
        "a.yaml: damaged (line 3: a: [ ^)"
    )


def test_seeds_depend_on_every_key():
    draws = [generator(*key).integers(2**62) for key in [(0, "a"), (1, "a"), (0, "b"), (0, "a", 1)]]
    assert len(set(draws)) == 4
    assert generator(0, "a").integers(2**62) == draws[0]
    assert torch_generator(0, "a").initial_seed() == torch_generator(0, "a").initial_seed()
    assert torch_generator(0, "a").initial_seed() != torch_generator(0, "b").initial_seed()


def test_device_is_never_replaced(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert pick_device("auto").type == "cpu"
    with pytest.raises(DeviceError, match="device: cuda is unavailable"):
        pick_device("cuda")
    with pytest.raises(DeviceError, match="'gpu'"):
        pick_device("gpu")
    with pytest.raises(DeviceError, match="'half'"):
        pick_precision("half", pick_device("cpu"))


@pytest.mark.parametrize(("in_hardware", "expected"), [(False, "float32"), (True, "bfloat16")])
def test_emulated_bfloat16_is_not_chosen(monkeypatch, in_hardware, expected):
    monkeypatch.setattr(
        "torch.cuda.is_bf16_supported",
        lambda including_emulation=True: including_emulation or in_hardware,
    )
    assert str(pick_precision("auto", torch.device("cuda"))) == f"torch.{expected}"
