"""No file runs code, and no name leads out of its folder."""

import os
import pickle
import re
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from ssn3d.config.experiment import check_config, load_config
from ssn3d.core.errors import CheckpointError, ConfigError, StructureError
from ssn3d.segmentation.training.checkpoint import read_tensors
from ssn3d.structures.ids import read_pdb_ids, read_superseded
from ssn3d.structures.sources import find_sources
from ssn3d.structures.structure import read_structure

REPOSITORY = Path(__file__).resolve().parents[2]
SOURCES = sorted(
    path for folder in ("src", "workflow", "benchmarks", "envs")
    for path in (REPOSITORY / folder).rglob("*.py")
)  # fmt: skip
OUTSIDE = ["../../etc/passwd", "/etc/passwd", "..", "1KP8/../x", "1KP8\\x", "1KP8\0", "1/..", ""]


def test_no_loader_unpickles():
    """Ruff's rules S102, S301, S307, S506, S602 and S605 find other ways to run code."""
    for path in SOURCES:
        text = path.read_text()
        assert not re.search(r"allow_pickle=True|weights_only=False", text), path
        assert text.count("torch.load(") == text.count("weights_only=True"), path
        assert text.count("np.load(") == text.count("allow_pickle=False"), path


class Payload:
    """An object that creates a folder when it is unpickled."""

    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return os.mkdir, (str(self.trace),)


def test_weights_run_no_code(tmp_path):
    torch.save({"weights": Payload(tmp_path / "trace")}, tmp_path / "new.pt", pickle_module=pickle)
    torch.save(
        {"weights": Payload(tmp_path / "trace")}, tmp_path / "old.pt", pickle_module=pickle,
        _use_new_zipfile_serialization=False,
    )  # fmt: skip
    (tmp_path / "plain.pt").write_bytes(pickle.dumps(Payload(tmp_path / "trace")))
    for name in ("new.pt", "old.pt", "plain.pt"):
        with pytest.raises(CheckpointError, match=name):
            read_tensors(tmp_path / name)
    assert not (tmp_path / "trace").exists()


def test_structures_run_no_code(tmp_path):
    objects = np.array([Payload(tmp_path / "trace")], dtype=object)
    np.savez(tmp_path / "1ABC.npz", points_angstrom=objects, pdb_id="1ABC", unit="deposited")
    (tmp_path / "plain.npz").write_bytes(pickle.dumps(Payload(tmp_path / "trace")))
    for name in ("1ABC.npz", "plain.npz"):
        with pytest.raises(StructureError, match=name):
            read_structure(tmp_path / name)
    assert not (tmp_path / "trace").exists()
    np.load(tmp_path / "1ABC.npz", allow_pickle=True)["points_angstrom"]
    assert (tmp_path / "trace").exists()  # so it was one


def test_configuration_runs_no_code(tmp_path):
    (tmp_path / "c.yaml").write_text(f"seed: !!python/object/apply:os.mkdir ['{tmp_path}/trace']\n")
    with pytest.raises(ConfigError, match=r"c\.yaml: not a readable YAML file"):
        load_config(tmp_path / "c.yaml")
    assert not (tmp_path / "trace").exists()


@pytest.mark.parametrize("name", OUTSIDE)
def test_ids_stay_in_their_folder(name, tmp_path):
    (tmp_path / "ids.txt").write_text(f"1KP8\n{name or '.'}\n")
    with pytest.raises(ConfigError, match=r"ids\.txt: line 2"):
        read_pdb_ids(tmp_path / "ids.txt")
    (tmp_path / "old.tsv").write_text(f"pdb_id\tsuperseded_by\n1KP8\t{name}\n")
    with pytest.raises(ConfigError, match=r"old\.tsv: line 2"):
        read_superseded(tmp_path / "old.tsv")


@pytest.mark.parametrize("column", ["file", "pdb_id", "serves_for"])
@pytest.mark.parametrize("name", OUTSIDE)
def test_indices_stay_in_their_folder(column, name, tmp_path):
    folder = tmp_path / "structures"
    folder.mkdir()
    (tmp_path / "x.cif").write_text("data_x\n")
    (folder / "x.cif").write_text("data_x\n")
    row = {"file": "x.cif", "pdb_id": "1KP8", "serves_for": "1KP8"} | {column: name}
    lines = ["\t".join(row), "\t".join(row.values())]
    (folder / "index.tsv").write_text("\n".join(lines))
    with pytest.raises(StructureError, match=r"index\.tsv: line 2"):
        find_sources(["1KP8"], "folder", folder)


@pytest.mark.parametrize("name", [*OUTSIDE, "A B", "A\n", "Ä", "a.b"])
@pytest.mark.parametrize("key", ["dataset", "method", "id"])
def test_names_stay_in_their_folder(key, name):
    config = yaml.safe_load((REPOSITORY / "config.yaml").read_text())
    if key == "dataset":
        config["snr"]["datasets"][0]["name"] = name
    elif key == "method":
        config["tables"]["table2"][1]["method"] = name
    else:
        config["figures"]["complex_id"] = name
    with pytest.raises(ConfigError, match=r"name|method|complex_id"):
        check_config(config)
