"""Choice of the micro-batch size."""

import pytest
import torch

from ssn3d.core.errors import DeviceError
from ssn3d.segmentation.inference.compute import Compute
from ssn3d.segmentation.networks.registry import build_network
from ssn3d.segmentation.training.micro_batch import CANDIDATES, pick_micro_batch_size, time_step


def test_network_is_not_changed(device):
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
def test_fastest_size_is_picked(monkeypatch, seconds, largest, expected):
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


def test_time_step():
    network = torch.nn.Conv3d(1, 2, 1)
    inputs = []
    gradients = []
    network.register_forward_pre_hook(lambda _, given: inputs.append(tuple(given[0].shape)))
    network.weight.register_hook(gradients.append)
    assert time_step(network, Compute.pick("cpu", "float32"), 3, 8) > 0
    assert inputs == [(3, 1, 8, 8, 8)]
    assert len(gradients) == 1
    assert network.weight.grad is None


def test_too_little_gpu_memory(monkeypatch):
    def too_large(*_):
        raise torch.cuda.OutOfMemoryError

    monkeypatch.setattr("ssn3d.segmentation.training.micro_batch.time_step", too_large)
    compute = Compute.pick("cpu", "float32")
    with pytest.raises(DeviceError, match=r"too small for 2 subtomograms .*micro_batch_size"):
        pick_micro_batch_size(torch.nn.Conv3d(1, 2, 1), compute, size=8, largest=4)
