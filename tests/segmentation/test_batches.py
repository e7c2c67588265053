"""Batches of subtomograms held on a device, and what a GPU is given to compute with."""

import numpy as np
import pytest
import torch
from spheres import QUICK, same_weights, train_on
from torch._subclasses.fake_tensor import FakeTensorMode

from sections import changed
from ssn3d.segmentation.evaluation.metrics import score_masks
from ssn3d.segmentation.inference.compute import Compute
from ssn3d.segmentation.networks.registry import NETWORKS, build_network
from ssn3d.segmentation.training import validation
from ssn3d.segmentation.training.batches import Source

HELD = np.array([7, 2, 11])
ON_CPU = Compute(torch.device("cpu"), torch.float32)


@pytest.fixture
def asked(monkeypatch):
    """Hold subtomograms on the CPU, as on a GPU; record the bytes that room is asked for."""
    sizes = []

    def has_room(_, size_bytes):
        sizes.append(size_bytes)
        return True

    monkeypatch.setattr(Compute, "has_room", has_room)
    return sizes


def test_rows_held_on_device(tiny_spheres, asked, monkeypatch):
    samples = tiny_spheres.samples
    source = Source(samples, ON_CPU)
    source.hold(HELD)
    assert asked == [3 * 8**3 * len(HELD)]

    read = []
    read_rows = type(samples).read
    monkeypatch.setattr(
        type(samples), "read", lambda self, rows: (read.extend(rows), read_rows(self, rows))[1]
    )
    for groups in ([[11, 7], [2], [7, 7]], [[2, 3], [11]], []):
        read.clear()
        rows = [np.array(group) for group in groups]
        for (images, masks), group in zip(source.batches(rows), rows, strict=True):
            assert np.array_equal(images, samples.images[group].astype(np.float16))
            assert np.array_equal(masks, samples.masks[group])
        assert read == ([2, 3, 11] if [2, 3] in groups else [])


def test_training_from_held_subtomograms(tiny_spheres, device, monkeypatch):
    """Subtomograms held give the weights of those read, on a GPU by worker processes."""
    settings = changed(QUICK, device=device, batch_size=4, micro_batch_size=3, epochs=1)
    monkeypatch.setattr(Compute, "has_room", lambda *_: False)
    read = train_on(tiny_spheres, settings)
    monkeypatch.setattr(Compute, "has_room", lambda *_: True)
    held = train_on(tiny_spheres, settings)
    assert same_weights(read, held)
    columns = read.history.columns.drop("seconds")
    assert read.history[columns].equals(held.history[columns])


def test_counts_on_device(tiny_spheres):
    network = build_network("UNet", 0.0, torch.Generator().manual_seed(0)).eval()
    rows, samples = np.arange(5), tiny_spheres.samples
    source = Source(samples, ON_CPU)
    _, table = validation.validate(network, source, rows, compute=ON_CPU, micro_batch_size=2)
    with torch.no_grad():
        logits = network(torch.from_numpy(samples.images[rows]).float().unsqueeze(1))
    expected = score_masks(logits.argmax(1).to(torch.uint8).numpy(), samples.masks[rows])
    assert 0 < expected["iou_foreground"].mean() < 100
    assert table.equals(expected.drop(columns="surface"))


@pytest.mark.parametrize("name", ["SSN3D-v1", "SSN3D-v2", "SSN3D-ED"])
def test_autocast_on_gpu_keeps_bfloat16(name):
    """Where autocast on CUDA converts to float32, memory and time double. The GPU is pretended."""
    given = []
    with torch.device("meta"):
        network = NETWORKS[name].build(0.7)
    with FakeTensorMode(), torch.no_grad():
        for layer in network.modules():
            for key, weights in layer.named_parameters(recurse=False):
                there = torch.empty(weights.shape, device="cuda")
                layer.register_parameter(key, torch.nn.Parameter(there, requires_grad=False))
            if not list(layer.children()):
                layer.register_forward_pre_hook(lambda _, inputs: given.append(inputs[0].dtype))
        images = torch.empty((2, 1, 16, 16, 16), dtype=torch.bfloat16, device="cuda")
        torch.set_autocast_dtype("cuda", torch.bfloat16)
        torch.set_autocast_enabled("cuda", enabled=True)  # without a GPU, torch.autocast refuses
        try:
            logits = network(images)
        finally:
            torch.set_autocast_enabled("cuda", enabled=False)
    assert (logits.device.type, {*given, logits.dtype}) == ("cuda", {torch.bfloat16})
