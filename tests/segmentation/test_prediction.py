"""The stage on files: train, repeat, evaluate; and what is refused."""

import json

import h5py
import numpy as np
import pandas as pd
import pytest
import torch
from spheres import make_spheres

from datasets import particles_of, write_shard_of, write_split_of
from sections import section
from ssn3d.core.errors import CheckpointError, DataError
from ssn3d.experiment.runs import repeats
from ssn3d.segmentation.evaluation.metrics import score_masks, summarise
from ssn3d.segmentation.evaluation.run_io import read_prediction
from ssn3d.segmentation.evaluation.steps import evaluate_run
from ssn3d.segmentation.inference.compute import Compute
from ssn3d.segmentation.inference.predict import MICRO_BATCH_SIZE, load_network, predict_masks
from ssn3d.segmentation.networks.registry import build_network
from ssn3d.segmentation.training.checkpoint import read_tensors, write_tensors
from ssn3d.segmentation.training.steps import train_run
from ssn3d.subtomograms.store import open_shard

SETTINGS = section(
    "training", device="cpu", precision="float32", batch_size=8, micro_batch_size=4, epochs=2
)
IDS = {"t1": ["1KP8", "2AWB"] * 6, "t2": ["1KP8", "2AWB"] * 6, "independent1": ["1KP8", "2GLS"]}
PARTS = ["train"] * 16 + ["test"] * 5 + ["validation"] * 3 + ["independent"] * 2
IMAGES, MASKS = make_spheres(len(PARTS), seed=3, size=8)


def write_inputs(folder, images=IMAGES, **origin):
    """Write the shards of a tomogram after the other, and a split of all."""
    shards, done = [], 0
    for name, ids in IDS.items():
        rows = slice(done, done + len(ids))
        particles = particles_of(np.zeros((len(ids), 3)), ids)
        path = folder / f"{name}.h5"
        shards.append(write_shard_of(path, images[rows], MASKS[rows], particles, **origin))
        done = rows.stop
    write_split_of(folder / "random.csv", shards, PARTS)
    return {"shards": shards, "split": folder / "random.csv"}


@pytest.fixture(scope="module")
def all_files(tmp_path_factory):
    """All shards, and the split."""
    return write_inputs(tmp_path_factory.mktemp("inputs"))


@pytest.fixture(scope="module")
def inputs(all_files):
    """What a training is given: no independent tomogram."""
    return all_files | {"shards": all_files["shards"][:2]}


def outputs(folder):
    return {
        "weights": folder / "weights.pt",
        "history": folder / "history.csv",
        "record": folder / "run.json",
        "checkpoint": folder / "checkpoint.pt",
    }


@pytest.fixture(scope="module")
def trained(inputs, tmp_path_factory):
    paths = outputs(tmp_path_factory.mktemp("run"))
    train_run(**inputs, network="SSN3D-ED", settings=SETTINGS, seed=1, **paths)
    return paths


def test_run_record(inputs, trained):
    record = json.loads(trained["record"].read_text())
    names = {key: record[key] for key in ("method", "dataset", "split", "capacity")}
    assert names == {
        "method": "SSN3D-ED", "dataset": "A", "split": "random", "capacity": 895_746
    }  # fmt: skip
    history = pd.read_csv(trained["history"])
    assert history.columns.tolist() == [
        "epoch", "train_loss", "validation_loss", "validation_pixel_accuracy", "validation_miou",
        "learning_rate", "seconds",
    ]  # fmt: skip
    assert history["epoch"].tolist() == [1, 2]
    assert (record["epochs"], record["stopped"]) == (2, "epochs")
    assert record["training_seconds"] == pytest.approx(history["seconds"].sum())
    assert record["settings"] == SETTINGS.model_dump()
    assert record["provenance"]["subtomograms"] == {
        "train": 16, "validation": 3, "test": 5, "independent": 0
    }  # fmt: skip
    digests = {f"A/{path.stem}": open_shard(path).sha256 for path in inputs["shards"]}
    assert record["provenance"]["shards_sha256"] == digests
    assert not trained["checkpoint"].exists()


def evaluated(folder, files, weights, **how):
    """Evaluate on the CPU, with the outputs in a folder."""
    paths = {"per_subtomogram": "test.csv", "independent": "independent.csv", "predictions": "p.h5"}
    outputs = {key: folder / name for key, name in paths.items()}
    return evaluate_run(**files, weights=weights, device="cpu", **outputs, **how)


def test_evaluation(all_files, trained, tmp_path):
    summaries = evaluated(tmp_path, all_files, trained["weights"])
    tables = {part: pd.read_csv(tmp_path / f"{part}.csv") for part in ("test", "independent")}
    assert tables["test"]["tomogram"].tolist() == ["t2"] * 5
    assert tables["test"]["label"].tolist() == [5, 6, 7, 8, 9]
    assert tables["test"]["pdb_id"].tolist() == ["1KP8", "2AWB", "1KP8", "2AWB", "1KP8"]
    assert tables["independent"]["tomogram"].tolist() == ["independent1"] * 2
    assert tables["independent"]["pdb_id"].tolist() == ["1KP8", "2GLS"]
    for part, table in tables.items():
        assert set(table["outcome"]) == {"segmented"}
        assert (table["ceiling_miou"] < 100).any()  # its answers are constant in blocks
        assert (table["milliseconds"] > 0).all()
        assert summarise(table) == pytest.approx(summaries[part])
    masks = np.stack([read_prediction(tmp_path / "p.h5", "t2", n) for n in range(5, 10)])
    with h5py.File(tmp_path / "p.h5") as file:
        assert file["masks"].chunks == (1, 8, 8, 8)  # each is read alone
    assert summarise(score_masks(masks, MASKS[16:21])) == pytest.approx(summaries["test"])


def test_repeats_differ_in_weights_alone(all_files, inputs, trained, tmp_path):
    """Trainings of several seeds share the split."""
    paths, (_, repeat) = outputs(tmp_path), repeats(2)
    train_run(**inputs, network="SSN3D-ED", settings=SETTINGS, seed=1, **paths, repeat=repeat)
    records = [json.loads(one["record"].read_text()) for one in (trained, paths)]
    assert [record["split"] for record in records] == ["random", "random_seed2"]
    assert len({record["provenance"]["seed"] for record in records}) == 1
    found = [read_tensors(one["weights"]) for one in (trained, paths)]
    assert found[0]["split_sha256"] == found[1]["split_sha256"]
    name, weights = next(iter(found[0]["weights"].items()))
    assert not np.allclose(weights, found[1]["weights"][name])
    evaluated(tmp_path, all_files, paths["weights"], repeat=repeat)
    assert len(pd.read_csv(tmp_path / "test.csv")) == 5
    with pytest.raises(DataError, match="trained on split random_seed2 of dataset A"):
        evaluated(tmp_path, all_files, paths["weights"])


def test_other_split_is_refused(inputs, tmp_path):
    other = inputs | {"split": tmp_path / "other.csv"}
    text = inputs["split"].read_text().replace("t1,1,1KP8", "t1,1,9ZZZ")
    other["split"].write_text(text)
    with pytest.raises(DataError, match=r"other\.csv: does not match the subtomograms in .*; give"):
        train_run(**other, network="SSN3D-ED", settings=SETTINGS, seed=1, **outputs(tmp_path))


@pytest.mark.parametrize("change", ["images", "dataset", "split", "tomogram", "no record"])
def test_other_weights_are_refused(all_files, trained, tmp_path, change):
    files, weights = all_files, trained["weights"]
    if change == "split":
        files = files | {"split": tmp_path / "without_2AWB.csv"}
        files["split"].write_bytes(all_files["split"].read_bytes())
    elif change == "tomogram":
        files = files | {"shards": files["shards"][1:]}  # without one that was trained on
    elif change == "no record":
        content = read_tensors(weights)
        weights = tmp_path / "weights.pt"
        write_tensors(weights, {key: content[key] for key in ("network", "weights", "precision")})
    elif change == "images":
        files = write_inputs(tmp_path, -IMAGES)
    else:
        files = write_inputs(tmp_path, dataset="B")
    with pytest.raises(DataError, match=r"weights\.pt: trained on .*; train on these") as caught:
        evaluated(tmp_path, files, weights)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "p.h5").exists()


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_prediction_is_independent_of_batches(spheres, device, precision, monkeypatch):
    compute = Compute.pick(device, precision)
    network = compute.place(build_network("ResUNet", 0.0, torch.Generator().manual_seed(0)))
    rows = np.array([5, 0, 5, 39, 7])
    found = {}
    for size in (5, 2):
        monkeypatch.setitem(MICRO_BATCH_SIZE, device, size)
        pairs = list(predict_masks(network, spheres.samples, rows, compute))
        assert [len(masks) for masks, _ in pairs] == {5: [5], 2: [2, 2, 1]}[size]
        found[size], truth = map(np.concatenate, zip(*pairs, strict=True))
        assert np.array_equal(truth, spheres.samples.masks[rows])
    assert 0 < found[5].mean() < 1
    # close logits may differ in bfloat16
    assert (found[5] != found[2]).mean() < (0 if precision == "float32" else 0.01) + 1e-4
    assert (found[5][0] == found[5][2]).all()


def test_prediction_is_the_larger_logit(spheres):
    network = build_network("UNet", 0.0, torch.Generator().manual_seed(0)).eval()
    compute = Compute.pick("cpu", "float32")
    ((masks, _),) = predict_masks(network, spheres.samples, np.array([3]), compute)
    with torch.no_grad():
        logits = network(torch.from_numpy(spheres.samples.images[3:4]).float().unsqueeze(1))
    clear = (logits[:, 1] - logits[:, 0]).abs().numpy() > 1e-4
    assert (masks[clear] == (logits[:, 1] > logits[:, 0]).numpy()[clear]).all()


def test_load_network(trained, tmp_path):
    network, description = load_network(trained["weights"])
    content = read_tensors(trained["weights"])
    state = network.state_dict()
    assert all(torch.equal(state[name], w) for name, w in content["weights"].items())
    assert description["run"] == {"method": "SSN3D-ED", "dataset": "A", "split": "random"}

    write_tensors(tmp_path / "other.pt", content | {"network": "SSN3D-v1"})
    write_tensors(tmp_path / "none.pt", {"best_epoch": 1})
    trimmed = trained["weights"].read_bytes()[:-200]
    (tmp_path / "short.pt").write_bytes(trimmed)
    torch.save(torch.zeros(3), tmp_path / "tensor.pt")
    for name in ("other.pt", "none.pt", "short.pt", "tensor.pt", "absent.pt"):
        with pytest.raises(CheckpointError, match=name) as caught:
            load_network(tmp_path / name)
        assert "\n" not in str(caught.value)
