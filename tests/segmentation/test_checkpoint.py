"""Checkpoints: bit-for-bit resumption, damage, and files of weights."""

import io
import zipfile
from dataclasses import replace

import pytest
import torch
from spheres import QUICK, few, same_weights, train_on

from datasets import write_shard_of
from sections import changed
from ssn3d.core.errors import CheckpointError
from ssn3d.io.files import sha256_of
from ssn3d.segmentation.training.checkpoint import read_tensors, write_tensors
from ssn3d.subtomograms.samples import Arrays
from ssn3d.subtomograms.store import open_dataset


class KilledError(BaseException):
    """Stands for SIGKILL."""


def kill_at(monkeypatch, owner, name, count):
    """End the training in the given call of a function, which does half of its work."""
    function, calls = getattr(owner, name), []

    def killing(*arguments, **keywords):
        calls.append(1)
        if len(calls) < count:
            return function(*arguments, **keywords)
        if name == "save":  # half of the file is written
            function(*arguments)
            arguments[1].truncate(arguments[1].tell() // 2)
        raise KilledError

    monkeypatch.setattr(owner, name, killing)


def test_killed_training_resumes_bit_for_bit(tiny_spheres, tmp_path, monkeypatch):
    settings = changed(  # 3 steps an epoch, with the losses and schedules of ours
        QUICK, epochs=4, batch_size=4, micro_batch_size=2, learning_rate_decay="cosine",
        loss="cross_entropy_and_dice",
    )  # fmt: skip
    images, masks = tiny_spheres.samples.images, tiny_spheres.samples.masks
    shards = [
        write_shard_of(tmp_path / "t1.h5", images[:7], masks[:7]),
        write_shard_of(tmp_path / "t2.h5", images[7:], masks[7:]),
    ]
    data = replace(tiny_spheres, samples=open_dataset(shards))
    undisturbed = train_on(tiny_spheres, settings)
    checkpoint = tmp_path / "checkpoint.pt"
    for owner, name, count, place in (
        (torch.optim.Adam, "step", 5, (1, 1)),  # in the middle of the second epoch
        (torch, "save", 4, (2, 0)),  # while a checkpoint in the third is written
    ):
        with monkeypatch.context() as patched:
            patched.setattr("ssn3d.segmentation.training.train.CHECKPOINT_SECONDS", 0)
            kill_at(patched, owner, name, count)
            with pytest.raises(KilledError):
                train_on(data, settings, checkpoint=checkpoint)
        progress = read_tensors(checkpoint)["progress"]
        assert (len(progress["history"]), progress["batches"]) == place
    resumed = train_on(data, settings, checkpoint=checkpoint)
    assert same_weights(resumed, undisturbed)
    columns = undisturbed.history.columns.drop("seconds")
    assert resumed.history[columns].equals(undisturbed.history[columns])
    assert resumed.seconds == pytest.approx(resumed.history["seconds"].sum())

    again = train_on(data, settings, checkpoint=checkpoint)  # nothing is left to do
    assert same_weights(again, undisturbed)
    assert again.seconds == resumed.seconds


@pytest.fixture(scope="module")
def checkpoint_bytes(tiny_spheres, tmp_path_factory):
    path = tmp_path_factory.mktemp("checkpoint") / "checkpoint.pt"
    train_on(few(tiny_spheres, 8), changed(QUICK, epochs=1), checkpoint=path)
    return path.read_bytes()


@pytest.mark.parametrize("damage", ["empty", "half", "one bit", "text"])
def test_damaged_checkpoint(tiny_spheres, tmp_path, checkpoint_bytes, damage):
    half = len(checkpoint_bytes) // 2
    with zipfile.ZipFile(io.BytesIO(checkpoint_bytes)) as archive:
        tensor = max(archive.infolist(), key=lambda member: member.file_size)
    inside = tensor.header_offset + tensor.file_size // 2
    one_bit = bytearray(checkpoint_bytes)
    one_bit[inside] ^= 4
    content = {
        "empty": b"",
        "half": checkpoint_bytes[:half],
        "one bit": one_bit,
        "text": b"weights",
    }
    path = tmp_path / "checkpoint.pt"
    path.write_bytes(content[damage])
    with pytest.raises(CheckpointError, match=r"checkpoint\.pt: not a readable file") as caught:
        train_on(few(tiny_spheres, 8), changed(QUICK, epochs=1), checkpoint=path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("change", ["settings", "network", "seed", "data", "rows"])
def test_checkpoint_of_another_training(tiny_spheres, tmp_path, checkpoint_bytes, change):
    path = tmp_path / "checkpoint.pt"
    path.write_bytes(checkpoint_bytes)
    data, settings = few(tiny_spheres, 8), changed(QUICK, epochs=1)
    inverted = Arrays(-data.samples.images, data.samples.masks)
    arguments = {
        "settings": {"settings": changed(settings, epochs=2)},
        "network": {"network": "SSN3D-v1"},
        "seed": {"seed": 2},
        "data": {"spheres": replace(data, samples=inverted)},
        "rows": {"spheres": few(data, 7)},
    }[change]
    same = {"spheres": data, "settings": settings, "checkpoint": path}
    train_on(**same)
    with pytest.raises(CheckpointError, match="another network, dataset, split, seed or setting"):
        train_on(**(same | arguments))


def test_equal_contents_give_equal_files(tmp_path):
    for name in ("one.pt", "another.pt"):
        write_tensors(tmp_path / name, {"weights": torch.arange(5.0), "network": "SSN3D-ED"})
    assert sha256_of(tmp_path / "one.pt") == sha256_of(tmp_path / "another.pt")
