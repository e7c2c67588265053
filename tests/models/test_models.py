"""Models: exported from a training, loaded by name or file, and one-line errors."""

import json

import pytest
import torch

from ssn3d.cli.main import main
from ssn3d.core.classes import CLASSES
from ssn3d.core.errors import CheckpointError, DataError, SSN3DError
from ssn3d.models import card as cards
from ssn3d.models.card import Card, Facts, default_model, model_names
from ssn3d.models.export_model import export_model
from ssn3d.models.shipped import load_model
from ssn3d.segmentation.networks.registry import build_network
from ssn3d.segmentation.training.checkpoint import read_tensors, write_tensors

FACTS = {
    "description": "for a test",
    "target": "centred",
    "default": True,
    "voxel_size_angstrom": 8.0,
    "subtomogram_size_voxels": 32,
    "mask_threshold_dalton_per_nm3": 60.0,
    "data": "one tomogram of noise",
    "snr": [0.5, 0.06],
    "scores": {"an independent tomogram, SNR 0.5": {"pixel_accuracy": 99.5, "miou": 86.1}},
    "licence": "BSD-3-Clause",
}


@pytest.fixture(name="run")
def give_run(tmp_path):
    """Give the folder of a finished training."""
    network = build_network("SSN3D-ED", 0.0, torch.Generator().manual_seed(3))
    content = {
        "network": "SSN3D-ED", "weights": network.state_dict(), "best_epoch": 2, "seed": 2018,
        "target": "centred", "voxel_size_angstrom": 7.0, "size_voxels": 48,
        "precision": "bfloat16", "settings": {"epochs": 3, "batch_size": 4}, "ssn3d": "1.2.3",
    }  # fmt: skip
    write_tensors(tmp_path / "run" / "weights.pt", content)
    record = {"epochs": 3, "best_epoch": 2, "provenance": {"subtomograms": {"train": 900}}}
    (tmp_path / "run" / "run.json").write_text(json.dumps(record))
    return tmp_path / "run"


@pytest.fixture(name="folder")
def give_folder(run, tmp_path):
    """Give a folder with one model, `ed`."""
    export_model(run, "ed", Facts(**FACTS), tmp_path / "models")
    return tmp_path / "models"


def test_export_in_half_precision(run, folder):
    model = load_model("ed", "centred", folder)
    assert model.voxel_size_angstrom == 8.0
    assert model.size_voxels == 32
    assert not model.network.training
    trained = load_model(str(run / "weights.pt")).network
    for rounded, exact in zip(model.network.parameters(), trained.parameters(), strict=True):
        assert rounded.dtype == torch.float32
        assert (rounded - exact).abs().max() <= 2**-11 * exact.abs().max()
    size_bytes = (folder / "ed.pt").stat().st_size
    assert size_bytes < 0.52 * (run / "weights.pt").stat().st_size
    card = Card.read(folder / "ed.json")
    assert card.parameters == 895_746
    assert (card.seed, card.ssn3d, card.network) == (2018, "1.2.3", "SSN3D-ED")
    assert card.training["best_epoch"] == 2
    assert card.training["subtomograms"] == {"train": 900}
    assert card.scores == FACTS["scores"]


def test_weights_averaged_with_those_of_another(run, folder, tmp_path):
    other = build_network("SSN3D-ED", 0.0, torch.Generator().manual_seed(4)).state_dict()
    for name, network in {"other": "SSN3D-ED", "stranger": "UNet"}.items():
        write_tensors(tmp_path / f"{name}.pt", {"network": network, "weights": other})
    facts, start = Facts(**FACTS), str(tmp_path / "other.pt")
    card = export_model(run, "mean", facts, folder, average_with=start, share=0.75)
    assert (card.training["averaged_with"], card.training["share"]) == (start, 0.75)
    trained = read_tensors(run / "weights.pt")["weights"]
    for key, mean in read_tensors(folder / "mean.pt")["weights"].items():
        torch.testing.assert_close(
            mean.float(), 0.75 * trained[key] + 0.25 * other[key], atol=1e-3, rtol=1e-3
        )
    with pytest.raises(DataError, match=r"stranger\.pt: a UNet, but the run's is a SSN3D-ED"):
        export_model(run, "x", facts, folder, average_with=str(tmp_path / "stranger.pt"))


def test_default_model_of_target(folder):
    assert model_names(folder) == ["ed"]
    assert default_model("centred", folder) == "ed"
    with pytest.raises(DataError, match="none for target 'all'; give one with --model"):
        default_model("all", folder)


def flip_a_bit(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


FAULTS = {
    "'no' is neither a file of weights": lambda folder: load_model("no", folder=folder),
    "trained for target 'centred'; a whole tomogram requires target 'all'": (
        lambda folder: load_model("ed", "all", folder)
    ),
    "not the weights of ed.json": lambda folder: (
        flip_a_bit(folder / "ed.pt"), load_model("ed", folder=folder)
    ),
    "not the card of a model (description: Field required)": lambda folder: (
        (folder / "ed.json").write_text('{"name": 1}'), load_model("ed", folder=folder)
    ),
    "not the card of a model (JSON: Invalid JSON": lambda folder: (
        (folder / "ed.json").write_text("no card"), load_model("ed", folder=folder)
    ),
    "not a readable file of weights": lambda folder: (
        (folder / "x.pt").write_bytes(b"no weights"), load_model(str(folder / "x.pt"))
    ),
    "not the facts of a model": lambda folder: Facts.read(folder / "none.json"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_faults(folder, fault):
    with pytest.raises(SSN3DError) as caught:
        FAULTS[fault](folder)
    assert isinstance(caught.value, (DataError, CheckpointError))
    assert fault in str(caught.value)
    assert "\n" not in str(caught.value)


def test_size_limit(run, tmp_path, monkeypatch):
    monkeypatch.setattr("ssn3d.models.export_model.LARGEST_BYTES", 1_000_000)
    with pytest.raises(DataError, match="big: more than 1 MB"):
        export_model(run, "big", Facts(**FACTS), tmp_path / "models")
    assert list((tmp_path / "models").iterdir()) == []


def test_weights_without_card(run):
    model = load_model(str(run / "weights.pt"), "centred")
    assert (model.voxel_size_angstrom, model.size_voxels, model.card) == (7.0, 48, None)
    with pytest.raises(DataError, match="trained for target 'centred'"):
        load_model(str(run / "weights.pt"), "all")
    content = read_tensors(run / "weights.pt")
    write_tensors(run / "weights.pt", {k: v for k, v in content.items() if k != "target"})
    with pytest.raises(CheckpointError, match="lacks 'target'; repeat the training"):
        load_model(str(run / "weights.pt"))


def test_facts_of_another_target(run, tmp_path):
    with pytest.raises(DataError, match="its training had target centred; correct the facts"):
        export_model(run, "all", Facts(**FACTS | {"target": "all"}), tmp_path / "models")


def test_classes_and_standardisation(run, tmp_path):
    """They go from the training to the card; older files have two classes, and tiles."""
    model = load_model(str(run / "weights.pt"))
    assert (model.classes, model.standardised) == (CLASSES[:2], "tile")
    content = read_tensors(run / "weights.pt")
    form = {"classes": list(CLASSES), "standardised": "tomogram"}
    write_tensors(run / "weights.pt", content | form)
    with pytest.raises(DataError, match=r"its training had classes .*filament.*correct the facts"):
        export_model(run, "five", Facts(**FACTS), tmp_path / "models")
    facts = Facts(**FACTS, **form, coarsest_voxel_angstrom=20.0)
    export_model(run, "five", facts, tmp_path / "models")
    for name in (str(run / "weights.pt"), "five"):
        model = load_model(name, folder=tmp_path / "models")
        assert (model.classes, model.standardised) == (CLASSES, "tomogram")
    assert [model.sampling_angstrom(own) for own in (4.0, 13.5, 31.0)] == [8.0, 13.5, 20.0]
    assert load_model(str(run / "weights.pt")).sampling_angstrom(31.0) == 7.0
    wrong = {"classes": ["background", "membrane"]}
    write_tensors(run / "weights.pt", content | wrong)
    with pytest.raises(CheckpointError, match="classes background, membrane must be some of"):
        load_model(str(run / "weights.pt"))
    with pytest.raises(ValueError, match="in this order"):
        Facts(**FACTS, **wrong)


def test_models_command(folder, monkeypatch, capsys):
    monkeypatch.setattr(cards, "FOLDER", folder)
    monkeypatch.setattr(cards, "model_names", lambda: model_names(folder))
    main(["models"])
    assert capsys.readouterr().out == "ed centred, default, 8 A: for a test\n"
    main(["models", "ed"])
    assert json.loads(capsys.readouterr().out)["scores"] == FACTS["scores"]


def test_shipped_models_load():
    cards = [load_model(name).card for name in model_names()]
    assert all(card.scores for card in cards)
    defaults = [card.target for card in cards if card.default]
    assert len(defaults) == len(set(defaults))
