"""Training: it learns, and its steps, order and scores are those of the settings."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from spheres import (
    QUICK,
    Spheres,
    dataset_of_spheres,
    few,
    make_spheres,
    same_weights,
    train_on,
)
from torch.nn.functional import cross_entropy

from sections import changed, section
from ssn3d.core.errors import ConfigError, DataError
from ssn3d.segmentation.evaluation.metrics import score_masks, summarise
from ssn3d.segmentation.inference.compute import Compute
from ssn3d.segmentation.inference.predict import predict_masks
from ssn3d.segmentation.training.batches import Source
from ssn3d.segmentation.training.validation import background_percent
from ssn3d.subtomograms.samples import Arrays


def scores_on(result, samples, rows, compute):
    pairs = predict_masks(result.network, samples, rows, compute)
    predicted, truth = map(np.concatenate, zip(*pairs, strict=True))
    return summarise(score_masks(predicted, truth))


PATIENT = changed(QUICK, epochs=50, batch_size=4, patience_epochs=1, learning_rate=0.003)


@pytest.fixture(scope="module")
def trained(spheres):
    """Training that ends by patience."""
    return train_on(spheres, PATIENT, "SSN3D-ED")


def test_network_segments_unseen_spheres(spheres, trained, device):
    precision = {"cpu": "float32", "cuda": "bfloat16"}[device]
    if device == "cuda":
        settings = changed(PATIENT, device=device, precision=precision)
        trained = train_on(spheres, settings, "SSN3D-ED")
    unseen = Arrays(*make_spheres(8, seed=2))
    summary = scores_on(trained, unseen, np.arange(8), Compute.pick(device, precision))
    background = summarise(score_masks(unseen.masks * 0, unseen.masks))
    assert summary["pixel_accuracy"] > background["pixel_accuracy"] + 3
    assert summary["iou_foreground"] > 60
    assert (trained.device, trained.precision) == (device, precision)


@pytest.fixture
def in_both(device):
    """Train twice on a few spheres, in float32 and in bfloat16."""

    def train(spheres):
        settings = changed(QUICK, device=device, batch_size=2, epochs=1, dropout=0.0)
        return [
            train_on(few(spheres, 4), changed(settings, precision=precision), "SSN3D-ED")
            for precision in ("float32", "bfloat16")
        ]

    return train


def test_bfloat16_trains_as_float32(in_both):
    one, other = in_both(dataset_of_spheres(train=4, validation=2, size=24))
    columns = ["train_loss", "validation_loss"]
    np.testing.assert_allclose(other.history[columns], one.history[columns], rtol=0.01)
    assert (one.precision, other.precision) == ("float32", "bfloat16")


def test_small_cubes_are_trained_in_float32(in_both, tiny_spheres, device, caplog):
    """bfloat16 gradients of a convolution over rows of two voxels are wrong on some CPUs."""
    one, other = in_both(tiny_spheres)
    assert (other.precision == "bfloat16") == (device == "cuda")
    if device == "cpu":
        assert same_weights(one, other)
        assert "float32 instead of bfloat16" in caplog.text


def test_uneven_micro_batches(tiny_spheres):
    data = few(tiny_spheres, 10)  # batches of 7 and 3, micro-batches of 3, 3, 1 and 3
    settings = changed(QUICK, batch_size=7, epochs=1, dropout=0.0)
    accumulated, plain = (
        train_on(data, changed(settings, micro_batch_size=size), "SSN3D-ED") for size in (3, 7)
    )
    torch.testing.assert_close(
        accumulated.network.state_dict(), plain.network.state_dict(), rtol=1e-3, atol=1e-5
    )
    losses = ["train_loss", "validation_loss"]
    np.testing.assert_allclose(accumulated.history[losses], plain.history[losses], rtol=1e-4)


def test_first_step_of_adam(tiny_spheres):
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


def test_three_steps_of_adam(tiny_spheres, monkeypatch):
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
    history = train_on(few(tiny_spheres, 4), settings, "SSN3D-ED").history
    assert history["learning_rate"].tolist() == pytest.approx([0.01, 0.01 / 1.5, 0.005])
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


def test_settings_of_the_paper():
    """Section 2.4 of the paper; epsilon is its framework's, the margin and precision are ours."""
    paper = section("training")
    assert (paper.learning_rate, paper.learning_rate_decay) == (1e-3, 1e-8)
    assert (paper.adam_beta1, paper.adam_beta2, paper.adam_epsilon) == (0.9, 0.99, 1e-7)
    assert (paper.batch_size, paper.epochs, paper.patience_epochs) == (128, 200, 10)
    assert paper.dropout == 0.7


def test_dropout_in_training_alone(tiny_spheres, monkeypatch):
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


def test_weights_are_those_of_the_best_epoch(spheres, trained):
    result = trained
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
def test_plateau_margin(tiny_spheres, caplog, margin, epochs, stopped):
    settings = changed(QUICK, epochs=5, patience_epochs=2, learning_rate=1e-30)
    # unchecked: no network that learns nothing beats a margin that the configuration allows
    settings = settings.model_copy(update={"plateau_margin_percent": margin})
    with caplog.at_level("INFO", "ssn3d"):
        result = train_on(few(tiny_spheres, 4), settings)
    assert (len(result.history), result.stopped) == (epochs, stopped)
    assert ("not better than 'all background'" in caplog.text) == (stopped == "epochs")


def test_background_percent():
    masks = np.zeros((3, 4, 4, 4), np.uint8)
    masks[1, :2] = 1  # half of it
    masks[2] = 1
    source = Source(Arrays(masks, masks), Compute.pick("cpu", "float32"))
    assert background_percent(source, np.array([0, 1])) == pytest.approx(75.0)


def test_seed_determines_weights(tiny_spheres, device):
    data, settings = few(tiny_spheres, 8), changed(QUICK, device=device, epochs=1)
    state = torch.get_rng_state()
    first = train_on(data, settings)
    torch.manual_seed(99)
    second = train_on(data, settings)
    other = train_on(data, settings, seed=2)
    assert same_weights(first, second)
    assert not same_weights(first, other)
    torch.set_rng_state(state)
    train_on(data, changed(settings, micro_batch_size="auto"))
    assert torch.equal(torch.get_rng_state(), state)


def test_order_of_epochs(tiny_spheres, monkeypatch):
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


def test_unusable_rows(tiny_spheres):
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


def test_diverging_loss(tiny_spheres):
    with pytest.raises(ConfigError, match=r"epoch 1; lower training\.learning_rate"):
        train_on(tiny_spheres, QUICK.model_copy(update={"learning_rate": 1e12}), "SSN3D-ED")
