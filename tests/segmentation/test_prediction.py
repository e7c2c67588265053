"""The stage on files: train, resume, evaluate; and what is refused."""

import json
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import torch
from spheres import Spheres, make_spheres

from datasets import subtomograms_of
from sections import section
from ssn3d.errors import CheckpointError, DataError
from ssn3d.segmentation.checkpoint import read_tensors, write_tensors
from ssn3d.segmentation.compute import Compute
from ssn3d.segmentation.metrics import per_subtomogram_table, summarise
from ssn3d.segmentation.networks import build_network
from ssn3d.segmentation.predict import load_network, predict_masks
from ssn3d.segmentation.run_files import read_predictions, write_predictions
from ssn3d.segmentation.steps import evaluate_run, train_run
from ssn3d.subtomograms.splits import write_split
from ssn3d.subtomograms.store import read_subtomograms, write_subtomograms

SETTINGS = section(
    "training", device="cpu", precision="float32", batch_size=8, micro_batch_size=4, epochs=2
)
COUNT = 24


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("inputs")
    images, masks = make_spheres(COUNT, seed=3, size=8)
    ids = np.array(["1KP8", "2AWB"] * (COUNT // 2))
    subtomograms = subtomograms_of(images, masks=masks, pdb_ids=ids)
    write_subtomograms(folder / "A.h5", subtomograms, {})
    parts = np.array(["train"] * 16 + ["test"] * 5 + ["validation"] * 3)
    write_split(folder / "random.csv", ids, parts, subtomograms.selection_sha256)
    return {"dataset": folder / "A.h5", "split": folder / "random.csv"}


def outputs(folder: Path) -> dict[str, Path]:
    return {
        "weights": folder / "weights.pt",
        "history": folder / "history.csv",
        "record": folder / "run.json",
        "checkpoint": folder / "checkpoint.pt",
    }


@pytest.fixture(scope="module")
def trained(inputs: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    paths = outputs(tmp_path_factory.mktemp("run"))
    train_run(**inputs, network="SSN3D-ED", settings=SETTINGS, seed=1, **paths)
    return paths


def test_a_run_writes_what_the_report_reads(
    inputs: dict[str, Path], trained: dict[str, Path]
) -> None:
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
    assert record["provenance"]["subtomograms"] == {"train": 16, "validation": 3, "test": 5}
    digest = read_subtomograms(inputs["dataset"]).sha256
    assert record["provenance"]["dataset_sha256"] == digest
    assert not trained["checkpoint"].exists()


def test_equal_trainings_give_equal_files_of_weights(
    inputs: dict[str, Path], trained: dict[str, Path], tmp_path: Path
) -> None:
    again = outputs(tmp_path)
    train_run(**inputs, network="SSN3D-ED", settings=SETTINGS, seed=1, **again)
    assert again["weights"].read_bytes() == trained["weights"].read_bytes()


def test_evaluation_scores_the_test_set_only(
    inputs: dict[str, Path], trained: dict[str, Path], tmp_path: Path
) -> None:
    table_path, predictions_path = tmp_path / "per_subtomogram.csv", tmp_path / "predictions.h5"
    summary = evaluate_run(
        **inputs, weights=trained["weights"], device="cpu",
        per_subtomogram=table_path, predictions=predictions_path,
    )  # fmt: skip
    table = pd.read_csv(table_path)
    assert table["subtomogram"].tolist() == [16, 17, 18, 19, 20]
    assert table["pdb_id"].tolist() == ["1KP8", "2AWB", "1KP8", "2AWB", "1KP8"]
    assert set(table["outcome"]) == {"segmented"}
    with h5py.File(predictions_path) as file:
        rows, masks = file["subtomogram"][:], file["masks"][:]
    _, truth = make_spheres(COUNT, seed=3, size=8)
    from_file = per_subtomogram_table(rows, table["pdb_id"], masks, truth[rows])
    assert summarise(from_file) == pytest.approx(summary)
    assert summarise(table) == pytest.approx(summary)


def test_split_of_another_dataset_is_refused(inputs: dict[str, Path], tmp_path: Path) -> None:
    ids, parts = np.array(["1KP8"] * COUNT), np.array(["train", "validation", "test"] * 8)
    write_split(tmp_path / "other.csv", ids, parts, "of others")
    files = inputs | {"split": tmp_path / "other.csv"}
    with pytest.raises(DataError, match=r"other\.csv: not a split of .*A\.h5, .*rerun"):
        train_run(
            **files, network="SSN3D-ED", settings=SETTINGS, seed=1, **outputs(tmp_path / "run")
        )


@pytest.mark.parametrize("name", ["subtomogram", "masks"])
def test_a_flipped_bit_in_predictions_is_noticed(tmp_path: Path, name: str) -> None:
    masks = make_spheres(3, seed=0, size=8)[1]
    table = per_subtomogram_table([4, 7, 9], ["1KP8"] * 3, masks, masks)
    path = tmp_path / "predictions.h5"
    write_predictions(tmp_path / "table.csv", path, table, masks)
    read = read_predictions(path)
    assert list(read) == [4, 7, 9]
    assert np.array_equal(np.stack(list(read.values())), masks)
    with h5py.File(path) as file:
        offset = file[name].id.get_chunk_info(0).byte_offset
        chunks = file["masks"].chunks
    assert chunks == (1, 8, 8, 8)  # each is read alone
    content = bytearray(path.read_bytes())
    content[offset + 3] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"predictions\.h5: not readable predictions"):
        read_predictions(path)


@pytest.mark.parametrize("change", ["images", "dataset", "split", "no record"])
def test_weights_of_another_dataset_or_split_are_refused(
    inputs: dict[str, Path], trained: dict[str, Path], tmp_path: Path, change: str
) -> None:
    files = inputs | {"weights": trained["weights"]}
    subtomograms = read_subtomograms(inputs["dataset"])
    if change == "split":
        files["split"] = tmp_path / "without_2AWB.csv"
        files["split"].write_bytes(inputs["split"].read_bytes())
    elif change == "no record":
        content = read_tensors(trained["weights"])
        kept = {key: content[key] for key in ("network", "weights", "precision")}
        files["weights"] = tmp_path / "weights.pt"
        write_tensors(files["weights"], kept)
    else:
        other = {
            "images": replace(subtomograms, images=-subtomograms.images),
            "dataset": replace(subtomograms, dataset="B"),
        }[change]
        files["dataset"] = tmp_path / "other.h5"
        write_subtomograms(files["dataset"], other, {})
    with pytest.raises(DataError, match=r"weights\.pt: trained on .*; train on these") as caught:
        evaluate_run(
            **files, device="cpu",
            per_subtomogram=tmp_path / "table.csv", predictions=tmp_path / "predictions.h5",
        )  # fmt: skip
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "predictions.h5").exists()


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_batches_do_not_change_the_prediction(
    spheres: Spheres, device: str, precision: str
) -> None:
    compute = Compute.pick(device, precision)
    network = compute.place(build_network("UNet", 0.0, torch.Generator().manual_seed(0)))
    rows = np.array([5, 0, 5, 39, 7])
    together = predict_masks(network, spheres.images, rows, compute, micro_batch_size=5)
    one_by_one = predict_masks(network, spheres.images, rows, compute, micro_batch_size=1)
    assert together.shape == (5, 16, 16, 16)
    assert 0 < together.mean() < 1
    # close logits may differ in bfloat16
    assert (together != one_by_one).mean() < (0 if precision == "float32" else 0.01) + 1e-4
    assert (together[0] == together[2]).all()


def test_prediction_is_the_larger_logit(spheres: Spheres) -> None:
    network = build_network("UNet", 0.0, torch.Generator().manual_seed(0)).eval()
    compute = Compute.pick("cpu", "float32")
    masks = predict_masks(network, spheres.images, np.array([3]), compute)
    with torch.no_grad():
        logits = network(torch.from_numpy(spheres.images[3:4]).float().unsqueeze(1))
    clear = (logits[:, 1] - logits[:, 0]).abs().numpy() > 1e-4
    assert (masks[clear] == (logits[:, 1] > logits[:, 0]).numpy()[clear]).all()


def test_weights_are_read_back_and_wrong_ones_are_named(
    trained: dict[str, Path], tmp_path: Path
) -> None:
    network, description = load_network(trained["weights"])
    content = read_tensors(trained["weights"])
    state = network.state_dict()
    assert all(torch.equal(state[name], w) for name, w in content["weights"].items())
    assert description["run"] == {"method": "SSN3D-ED", "dataset": "A", "split": "random"}

    write_tensors(tmp_path / "other.pt", content | {"network": "SSN3D-v1"})
    write_tensors(tmp_path / "none.pt", {"best_epoch": 1})
    trimmed = trained["weights"].read_bytes()[:-200]
    (tmp_path / "short.pt").write_bytes(trimmed)
    for name in ("other.pt", "none.pt", "short.pt", "absent.pt"):
        with pytest.raises(CheckpointError, match=name) as caught:
            load_network(tmp_path / name)
        assert "\n" not in str(caught.value)


def test_an_interrupted_run_resumes_from_its_checkpoint(
    inputs: dict[str, Path],
    trained: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    paths = outputs(tmp_path)
    steps = 0
    step = torch.optim.Adam.step

    def interrupted(self: torch.optim.Adam) -> None:
        nonlocal steps
        steps += 1
        if steps == 4:  # in the second epoch
            raise KeyboardInterrupt
        step(self)

    with monkeypatch.context() as patched:
        patched.setattr(torch.optim.Adam, "step", interrupted)
        with pytest.raises(KeyboardInterrupt):
            train_run(**inputs, network="SSN3D-ED", settings=SETTINGS, seed=1, **paths)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.pt"]
    train_run(**inputs, network="SSN3D-ED", settings=SETTINGS, seed=1, **paths)
    assert paths["weights"].read_bytes() == trained["weights"].read_bytes()
