"""Training: it learns, accumulates correctly, stops when it should, and resumes after a kill."""

import io
import os
import pickle
import signal
import subprocess
import sys
import zipfile
from dataclasses import replace

import numpy as np
import pytest
import torch
from spheres import Spheres, make_spheres
from torch.nn.functional import cross_entropy

from datasets import write_shard_of
from sections import changed, section
from ssn3d.core.errors import CheckpointError, ConfigError, DataError, DeviceError
from ssn3d.io.files import sha256_of
from ssn3d.segmentation.evaluation.metrics import score_masks, summarise
from ssn3d.segmentation.inference.compute import Compute
from ssn3d.segmentation.inference.predict import predict_masks
from ssn3d.segmentation.networks.registry import build_network
from ssn3d.segmentation.training.batches import Source
from ssn3d.segmentation.training.checkpoint import read_tensors, write_tensors
from ssn3d.segmentation.training.epochs import best_epoch, progress_bar, report_epoch, stop_reason
from ssn3d.segmentation.training.micro_batch import CANDIDATES, pick_micro_batch_size, time_step
from ssn3d.segmentation.training.train import train
from ssn3d.segmentation.training.validation import background_percent
from ssn3d.subtomograms.samples import Arrays
from ssn3d.subtomograms.store import open_dataset

QUICK = section(
    "training",
    device="cpu",
    precision="float32",
    batch_size=8,
    micro_batch_size=4,
    epochs=3,
    dropout=0.5,
)


def train_on(spheres, settings=QUICK, network="SSN3D-v2", checkpoint=None, seed=1):
    return train(
        spheres.samples,
        spheres.train_rows,
        spheres.validation_rows,
        network,
        settings=settings,
        seed=seed,
        run_name="test",
        checkpoint_path=checkpoint,
    )


def few(spheres, count):
    return replace(spheres, train_rows=spheres.train_rows[:count])


def scores_on(result, samples, rows, compute):
    pairs = predict_masks(result.network, samples, rows, compute)
    predicted, truth = map(np.concatenate, zip(*pairs, strict=True))
    return summarise(score_masks(predicted, truth))


def weights_of(result):
    return result.network.state_dict()


def same_weights(one, other):
    a, b = weights_of(one), weights_of(other)
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_learns_spheres_it_has_not_seen(spheres, precision, device):
    settings = changed(QUICK, device=device, precision=precision, batch_size=4, epochs=8)
    result = train_on(spheres, settings, "SSN3D-ED")
    unseen = Arrays(*make_spheres(8, seed=2))
    summary = scores_on(result, unseen, np.arange(8), Compute.pick(device, precision))
    background = summarise(score_masks(unseen.masks * 0, unseen.masks))
    assert summary["pixel_accuracy"] > background["pixel_accuracy"] + 3
    assert summary["iou_foreground"] > 60
    assert (result.device, result.precision) == (device, precision)


def test_batch_accumulated_from_uneven_micro_batches_is_the_plain_batch(tiny_spheres):
    data = few(tiny_spheres, 10)  # batches of 7 and 3, micro-batches of 3, 3, 1 and 3
    settings = changed(QUICK, batch_size=7, epochs=1, dropout=0.0)
    plain = train_on(data, changed(settings, micro_batch_size=7), "SSN3D-ED")
    accumulated = train_on(data, changed(settings, micro_batch_size=3), "SSN3D-ED")
    torch.testing.assert_close(weights_of(accumulated), weights_of(plain), rtol=1e-3, atol=1e-5)
    losses = ["train_loss", "validation_loss"]
    np.testing.assert_allclose(accumulated.history[losses], plain.history[losses], rtol=1e-4)


def test_one_step_is_adam_on_the_mean_cross_entropy(tiny_spheres):
    """Adam's first step moves each weight by the learning rate, against its gradient's sign."""
    rate = 1e-4
    settings = changed(QUICK, epochs=1, batch_size=4, learning_rate=rate, adam_epsilon=1e-20)
    result = train_on(few(tiny_spheres, 4), settings, "SSN3D-ED")
    start = train_on(
        few(tiny_spheres, 4), changed(settings, learning_rate=1e-30), "SSN3D-ED"
    ).network
    inputs = torch.from_numpy(tiny_spheres.samples.images[:4]).float().unsqueeze(1)
    cross_entropy(start(inputs), torch.from_numpy(tiny_spheres.samples.masks[:4]).long()).backward()
    for after, before in zip(result.network.parameters(), start.parameters(), strict=True):
        clear = before.grad.abs() > 1e-3 * before.grad.abs().max()
        expected = before - rate * before.grad.sign()
        torch.testing.assert_close(after[clear], expected[clear], rtol=0, atol=rate / 50)


def test_three_steps_are_adam_with_the_settings_betas_epsilon_and_decay(tiny_spheres, monkeypatch):
    """Kingma & Ba (2015), algorithm 1, with the gradients that the optimiser was given."""
    settings = changed(
        QUICK, batch_size=4, dropout=0.0, learning_rate=0.01, adam_beta1=0.8, adam_beta2=0.97,
        adam_epsilon=1e-3, learning_rate_decay=0.5,
    )  # fmt: skip
    seen = []
    step = torch.optim.Adam.step

    def recorded(optimiser):
        weights = optimiser.param_groups[0]["params"]
        seen.append([w.grad.double().clone() for w in weights])
        seen.append([w.detach().double().clone() for w in weights])
        step(optimiser)
        seen.append([w.detach().double().clone() for w in weights])

    monkeypatch.setattr(torch.optim.Adam, "step", recorded)
    train_on(few(tiny_spheres, 4), settings, "SSN3D-ED")
    assert len(seen) == 9
    for i in range(len(seen[0])):
        m = v = torch.zeros_like(seen[0][i])
        for t in range(3):
            gradient, before, after = (seen[3 * t + kind][i] for kind in range(3))
            m = 0.8 * m + 0.2 * gradient
            v = 0.97 * v + 0.03 * gradient**2
            rate = 0.01 / (1 + 0.5 * t)
            root = (v / (1 - 0.97 ** (t + 1))).sqrt()
            expected = -rate * m / (1 - 0.8 ** (t + 1)) / (root + 1e-3)
            torch.testing.assert_close(after - before, expected, rtol=1e-3, atol=1e-7)


def test_the_settings_are_the_papers():
    """Section 2.4 of the paper; epsilon is its framework's, the margin and precision are ours."""
    paper = section("training")
    assert (paper.learning_rate, paper.learning_rate_decay) == (1e-3, 1e-8)
    assert (paper.adam_beta1, paper.adam_beta2, paper.adam_epsilon) == (0.9, 0.99, 1e-7)
    assert (paper.batch_size, paper.epochs, paper.patience_epochs) == (128, 200, 10)
    assert paper.dropout == 0.7


def test_dropout_is_on_in_every_epoch_of_training_and_off_in_validation(tiny_spheres, monkeypatch):
    calls = []
    forward = torch.nn.Dropout.forward

    def recorded(layer, x):
        calls.append((layer.training, layer.p))
        return forward(layer, x)

    monkeypatch.setattr(torch.nn.Dropout, "forward", recorded)
    result = train_on(few(tiny_spheres, 8), changed(QUICK, epochs=2, dropout=0.6))
    # an epoch: two micro-batches of training, one of validation; two layers
    assert calls == 2 * (4 * [(True, 0.6)] + 2 * [(False, 0.6)])
    assert not result.network.training


def test_learning_rate_decays_by_the_step(tiny_spheres):
    settings = changed(QUICK, learning_rate_decay=0.1)
    rates = train_on(few(tiny_spheres, 12), settings).history["learning_rate"]
    assert rates.tolist() == pytest.approx([1e-3 / (1 + 0.1 * step) for step in (1, 3, 5)])


def history_of(*accuracies):
    return [{"validation_pixel_accuracy": accuracy} for accuracy in accuracies]


@pytest.mark.parametrize(
    ("accuracies", "expected"),
    [
        ([], None),
        ([97.6] * 9, None),  # the plateau does not count, however long
        ([97.6] * 9 + [98.0, 97.9], None),
        ([97.6] * 9 + [98.0, 97.9, 98.0], "patience"),  # equal is not better
        ([97.6, 98.0, 97.9, 98.1, 98.2, 98.1], None),
        ([97.6, 98.0, 97.6, 97.6], "patience"),  # falling back to it does
        ([97.6] * 20, "epochs"),
    ],
)
def test_stopping(accuracies, expected):
    assert stop_reason(history_of(*accuracies), 20, 2, 97.65) == expected


def test_best_epoch_is_the_first_of_equals():
    assert best_epoch(history_of(97, 99, 98, 99)) == 2


def test_training_stops_by_patience_with_the_weights_of_its_best_epoch(spheres):
    settings = changed(QUICK, epochs=50, batch_size=4, patience_epochs=1, learning_rate=0.003)
    result = train_on(spheres, settings, "SSN3D-ED")
    accuracy = result.history["validation_pixel_accuracy"]
    assert result.stopped == "patience"
    assert len(accuracy) == result.best_epoch + 1 < 50
    assert accuracy.iloc[-1] <= accuracy.iloc[-2] == accuracy.max()

    rows = spheres.validation_rows
    scores = scores_on(result, spheres.samples, rows, Compute.pick("cpu", "float32"))
    best = result.history.iloc[result.best_epoch - 1]
    assert scores["pixel_accuracy"] == accuracy.max()
    assert scores["miou"] == best["validation_miou"]
    images, masks = map(torch.from_numpy, spheres.samples.read(rows))
    with torch.no_grad():
        logits = result.network(images.float().unsqueeze(1))
    loss = cross_entropy(logits, masks.long())
    assert best["validation_loss"] == pytest.approx(float(loss), rel=1e-4)


@pytest.mark.parametrize(
    ("margin", "epochs", "stopped"), [(-100.0, 3, "patience"), (100.0, 5, "epochs")]
)
def test_patience_counts_once_the_plateau_is_beaten_by_the_margin(
    tiny_spheres, caplog, margin, epochs, stopped
):
    settings = changed(QUICK, epochs=5, patience_epochs=2, learning_rate=1e-30)
    # unchecked: no network that learns nothing beats a margin that the configuration allows
    settings = settings.model_copy(update={"plateau_margin_percent": margin})
    with caplog.at_level("INFO"):
        result = train_on(few(tiny_spheres, 4), settings)
    assert (len(result.history), result.stopped) == (epochs, stopped)
    assert ("no better than 'all background'" in caplog.text) == (stopped == "epochs")


def test_background_is_right_where_no_particle_is():
    masks = np.zeros((3, 4, 4, 4), np.uint8)
    masks[1, :2] = 1  # half of it
    masks[2] = 1
    source = Source(Arrays(masks, masks), Compute.pick("cpu", "float32"))
    assert background_percent(source, np.array([0, 1])) == pytest.approx(75.0)


@pytest.mark.parametrize("terminal", [True, False])
def test_the_bar_of_batches_is_for_terminals_and_counts_from_where_a_training_resumed(
    monkeypatch, terminal
):
    stream = io.StringIO()
    monkeypatch.setattr(stream, "isatty", lambda: terminal)
    monkeypatch.setattr("sys.stderr", stream)
    with progress_bar("run", 10, 4) as bar:
        bar.update()
        bar.refresh()
    assert ("5/10" in stream.getvalue()) == terminal
    assert ("run" in stream.getvalue()) == terminal


def test_the_log_says_how_an_epoch_went_and_how_long_the_rest_may_take(caplog):
    row = {"train_loss": 0.12345, "validation_pixel_accuracy": 98.7654, "validation_miou": 71.26}
    history = [row | {"epoch": 1, "seconds": 30.0}, row | {"epoch": 2, "seconds": 20.0}]
    with caplog.at_level("INFO"), progress_bar("run", 10, 4) as bar:
        report_epoch("run", history, 5, bar)
    expected = "run: epoch 2/5: loss 0.1235, validation 98.77%, mIoU 71.3, at most 1:15 min left"
    assert caplog.messages == [expected]


def test_same_seed_same_weights_and_nothing_global_changes(tiny_spheres, device):
    state = torch.get_rng_state()
    settings = changed(QUICK, device=device)
    first = train_on(tiny_spheres, settings)
    torch.manual_seed(99)
    second = train_on(tiny_spheres, settings)
    other = train_on(tiny_spheres, settings, seed=2)
    assert same_weights(first, second)
    assert not same_weights(first, other)
    torch.set_rng_state(state)
    train_on(few(tiny_spheres, 8), changed(settings, epochs=1, micro_batch_size="auto"))
    assert torch.equal(torch.get_rng_state(), state)


def test_every_epoch_sees_every_row_once_in_an_order_of_its_own(tiny_spheres, monkeypatch):
    batches = []

    def record(_training, parts, size, _step):
        numbers = [int(image[0, 0, 0]) for images, _ in parts for image in images]
        batches.append(numbers)
        assert len(numbers) == size
        return 1.0

    monkeypatch.setattr("ssn3d.segmentation.training.train._train_batch", record)
    rows = np.array([3, 5, 0, 11, 7, 2])
    images = np.broadcast_to(np.arange(16, dtype=np.float16)[:, None, None, None], (16, 8, 8, 8))
    numbered = Spheres(Arrays(images, tiny_spheres.samples.masks), rows, np.array([1]))
    history = train_on(numbered, changed(QUICK, batch_size=4)).history
    assert [len(batch) for batch in batches] == [4, 2] * 3
    orders = [batches[i] + batches[i + 1] for i in (0, 2, 4)]
    assert all(sorted(order) == sorted(rows) for order in orders)
    assert orders[0] != orders[1] != orders[2] != orders[0]
    assert history["train_loss"].tolist() == pytest.approx([1.0] * 3)


KILLED = """
import os, signal, sys
import numpy as np, torch
from pathlib import Path
from ssn3d.segmentation.training import train as module
from ssn3d.segmentation.settings import TrainingSettings
from ssn3d.subtomograms.store import open_dataset

folder, kill_at_step, kill_at_save = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
module.CHECKPOINT_SECONDS = 0
torch.set_num_threads(1)
step, save = torch.optim.Adam.step, torch.save
calls = {"step": 0, "save": 0}

def killing_step(self, *args):
    calls["step"] += 1
    if calls["step"] == kill_at_step:
        os.kill(os.getpid(), signal.SIGKILL)
    return step(self, *args)

def killing_save(content, handle):
    calls["save"] += 1
    save(content, handle)
    if calls["save"] == kill_at_save:  # half of the file is written
        handle.flush()
        handle.truncate(handle.tell() // 2)
        os.kill(os.getpid(), signal.SIGKILL)

torch.optim.Adam.step, torch.save = killing_step, killing_save
shards = open_dataset([f"{folder}/t1.h5", f"{folder}/t2.h5"])
module.train(shards, np.arange(12), np.arange(12, 16), "SSN3D-v2",
             settings=TrainingSettings(**eval(sys.argv[4])), seed=1, run_name="test",
             checkpoint_path=Path(folder, "checkpoint.pt"))
"""


def test_killed_training_resumes_bit_for_bit(tiny_spheres, tmp_path):
    settings = changed(  # 3 steps an epoch, with all that a recipe may ask for
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
    script, checkpoint = tmp_path / "killed.py", tmp_path / "checkpoint.pt"
    script.write_text(KILLED)

    def killed(*, step=0, save=0):
        arguments = [tmp_path, step, save, settings.model_dump()]
        command = [sys.executable, script, *arguments]
        done = subprocess.run([str(part) for part in command], check=False, capture_output=True)
        assert done.returncode == -signal.SIGKILL, done.stderr.decode()
        progress = read_tensors(checkpoint)["progress"]
        return len(progress["history"]), progress["batches"]

    assert killed(step=5) == (1, 1)  # in the middle of the second epoch
    assert killed(save=4) == (2, 0)  # while a checkpoint in the third is written
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
def test_damaged_checkpoint_is_named(tiny_spheres, tmp_path, checkpoint_bytes, damage):
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
def test_checkpoint_of_another_training_is_refused(
    tiny_spheres, tmp_path, checkpoint_bytes, change
):
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


class Payload:
    """What unpickles to a call."""

    def __reduce__(self):
        return os.system, ("true",)


def test_files_of_weights_run_no_code(tmp_path):
    torch.save({"weights": Payload()}, tmp_path / "evil.pt", pickle_module=pickle)
    with pytest.raises(CheckpointError):
        read_tensors(tmp_path / "evil.pt")


def test_equal_contents_are_equal_files(tmp_path):
    for name in ("one.pt", "another.pt"):
        write_tensors(tmp_path / name, {"weights": torch.arange(5.0), "network": "SSN3D-ED"})
    assert sha256_of(tmp_path / "one.pt") == sha256_of(tmp_path / "another.pt")


def test_micro_batch_size_is_measured_and_leaves_the_network_alone(device):
    compute = Compute.pick(device, "auto")
    network = compute.place(build_network("SSN3D-ED", 0.0, torch.Generator()))
    before = {name: weights.clone() for name, weights in network.state_dict().items()}
    assert pick_micro_batch_size(network, compute, size=8, largest=128) in CANDIDATES[device]
    assert pick_micro_batch_size(network, compute, size=8, largest=1) == 1
    assert all(torch.equal(before[name], w) for name, w in network.state_dict().items())
    assert all(weights.grad is None for weights in network.parameters())


@pytest.mark.parametrize(
    ("seconds", "largest", "expected"),
    [
        ({2: [9, 2, 2], 4: [9, 3, 9], 8: [9, 8, 8], 16: [20, 16, 16]}, 128, 4),  # 0.75 s each
        ({2: [9, 2, 2], 4: [9, 3, 9]}, 5, 4),
        ({2: [2, 9, 9], 4: [8, 8, 8], 8: [None, None, None]}, 128, 2),  # out of memory
        ({1: [1, 1, 1]}, 1, 1),  # fewer than all candidates
    ],
)
def test_the_micro_batch_size_is_the_fastest_a_subtomogram(monkeypatch, seconds, largest, expected):
    asked = []

    def measured(network, _compute, count, size):
        assert (network.training, size) == (True, 8)
        spent = seconds[count][asked.count(count)]
        asked.append(count)
        if spent is None:
            raise torch.cuda.OutOfMemoryError
        return spent

    monkeypatch.setattr("ssn3d.segmentation.training.micro_batch.time_step", measured)
    network = torch.nn.Conv3d(1, 2, 1).eval()
    compute = Compute.pick("cpu", "float32")
    assert pick_micro_batch_size(network, compute, size=8, largest=largest) == expected
    assert {asked.count(count) for count in asked} == {3}


def test_a_timed_step_is_forward_and_backward_and_leaves_no_gradients():
    network = torch.nn.Conv3d(1, 2, 1)
    inputs = []
    gradients = []
    network.register_forward_pre_hook(lambda _, given: inputs.append(tuple(given[0].shape)))
    network.weight.register_hook(gradients.append)
    assert time_step(network, Compute.pick("cpu", "float32"), 3, 8) > 0
    assert inputs == [(3, 1, 8, 8, 8)]
    assert len(gradients) == 1
    assert network.weight.grad is None


def test_a_gpu_without_memory_for_the_smallest_micro_batch_is_one_clear_error(monkeypatch):
    def too_large(*_):
        raise torch.cuda.OutOfMemoryError

    monkeypatch.setattr("ssn3d.segmentation.training.micro_batch.time_step", too_large)
    compute = Compute.pick("cpu", "float32")
    with pytest.raises(DeviceError, match=r"too small for 2 subtomograms .*micro_batch_size"):
        pick_micro_batch_size(torch.nn.Conv3d(1, 2, 1), compute, size=8, largest=4)


def test_unusable_rows_are_one_clear_error(tiny_spheres):
    images, masks = (array[:, 4:, 4:, 4:] for array in tiny_spheres.samples.read(np.arange(16)))
    bad = {
        "train set is empty": {"train_rows": np.arange(0)},
        "validation set is empty": {"validation_rows": np.arange(0)},
        "beyond the 16": {"train_rows": np.arange(17)},
        "in both the train": {"validation_rows": np.arange(11, 16)},
        "multiple of 8": {"samples": Arrays(images, masks)},
    }
    for message, change in bad.items():
        with pytest.raises(DataError, match=message):
            train_on(replace(tiny_spheres, **change))


def test_unusable_arrays_are_one_clear_error(tiny_spheres):
    images, masks = tiny_spheres.samples.read(np.arange(16))
    nan = images.copy()
    nan[0, 0, 0, 0] = np.nan
    for message, arrays in {
        "NaN": (nan, masks),
        "values above 1": (images, masks * 2),
        r"one shape \(n, s, s, s\)": (images, masks[:, 1:]),
    }.items():
        with pytest.raises(DataError, match=message):
            Arrays(*arrays)


def test_diverging_loss_is_one_clear_error(tiny_spheres):
    with pytest.raises(ConfigError, match=r"epoch 1; lower training\.learning_rate"):
        train_on(tiny_spheres, QUICK.model_copy(update={"learning_rate": 1e12}), "SSN3D-ED")
