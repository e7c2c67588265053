"""A network computed by OpenVINO: the same probabilities, whatever the number of threads."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from ssn3d.segmentation.inference.compute import Compute, torch_generator
from ssn3d.segmentation.inference.openvino_network import OpenVinoNetwork, quickest
from ssn3d.segmentation.inference.tiles import predict_cubes
from ssn3d.segmentation.networks.registry import build_network

CPU = Compute(torch.device("cpu"), torch.float32)


@pytest.fixture(scope="module")
def network():
    built = build_network("ResUNet-classes", 0.0, torch_generator(0, "openvino"))
    return CPU.place(built).eval()


def test_same_probabilities(network):
    pytest.importorskip("openvino")
    rng = np.random.default_rng(0)
    cubes = [rng.normal(size=(24, 24, 24)).astype(np.float32) for _ in range(3)]

    def predict(some):
        return np.stack([*predict_cubes(some, iter(cubes), CPU, classes=5)])

    expected = predict(network)
    found = [predict(OpenVinoNetwork(network, threads)) for threads in (1, 2)]
    np.testing.assert_allclose(found[0], expected, atol=1e-4)
    np.testing.assert_array_equal(*found)
    assert expected.std() > 0.01


def test_only_where_it_serves(network, monkeypatch, caplog):
    caplog.set_level("INFO", logger="ssn3d")
    bfloat16 = Compute(torch.device("cpu"), torch.bfloat16)
    assert quickest(network, bfloat16) is network
    assert not caplog.messages
    monkeypatch.setattr("ssn3d.segmentation.inference.openvino_network.find_spec", lambda _: None)
    assert quickest(network, CPU) is network
    assert "ssn3d[openvino]" in caplog.text


def test_no_telemetry():
    """Importing OpenVINO would report to its makers."""
    pytest.importorskip("openvino")
    code = """
from ssn3d.segmentation.inference import openvino_network as ours
import sys
ours._import()
assert not [name for name in sys.modules if name.startswith("openvino_telemetry.")]
"""
    subprocess.run([sys.executable, "-c", code], check=True)
