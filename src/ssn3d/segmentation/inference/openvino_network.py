"""A network in OpenVINO, which computes it on a CPU 1.5 to 1.8 times as fast as torch.

OpenVINO is an optional dependency: `pip install 'ssn3d[openvino]'`. It is used for whole tomograms
in float32; processors with units for bfloat16 compute in that, by torch. Probabilities differ by
rounding.
"""

import sys
import threading
import warnings
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor, nn

from ssn3d.core.log import logger
from ssn3d.segmentation.inference.compute import Compute


class OpenVinoNetwork(nn.Module):
    """A network of torch, compiled by OpenVINO for each shape of its input."""

    def __init__(self, network: nn.Module, threads: int) -> None:
        """Prepare to compute `threads` inputs at a time, each by one thread.

        So the result does not depend on their number.
        """
        super().__init__()
        self._network, self._threads = network, threads
        self._openvino = _import()
        self._compiled: dict[tuple[int, ...], Any] = {}
        self._lock = threading.Lock()

    def forward(self, images: Tensor) -> Tensor:
        """Map images (n, 1, s, s, s) to logits (n, classes, s, s, s)."""
        shape = tuple(images.shape)
        with self._lock:
            if shape not in self._compiled:
                self._compiled[shape] = self._compile(images)
        request = self._compiled[shape].create_infer_request()
        request.infer({0: images.contiguous().numpy()})
        return torch.from_numpy(request.get_output_tensor(0).data.copy())

    def _compile(self, images: Tensor) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # of torch, about itself
            exported = torch.export.export(self._network, (images,))
            converted = self._openvino.convert_model(exported)
        settings = {
            "PERFORMANCE_HINT": "THROUGHPUT",
            "NUM_STREAMS": self._threads,
            "INFERENCE_NUM_THREADS": self._threads,
            "INFERENCE_PRECISION_HINT": "f32",
            "ENABLE_CPU_PINNING": False,  # other jobs may have these cores
        }
        return self._openvino.Core().compile_model(converted, "CPU", settings)


def quickest(network: nn.Module, compute: Compute) -> nn.Module:
    """Return the network in OpenVINO if that is installed and serves, or as it is; log which."""
    if compute.device.type != "cpu" or compute.precision != torch.float32:
        return network
    if find_spec("openvino") is None:
        logger.info(
            "network: computed by torch; OpenVINO would be faster (pip install 'ssn3d[openvino]')"
        )
        return network
    found = OpenVinoNetwork(network, torch.get_num_threads())
    logger.info("network: computed by OpenVINO")
    return found


def _import() -> Any:
    """Import OpenVINO without its telemetry, which would report each import to its makers."""
    if "openvino" not in sys.modules:
        sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
    return import_module("openvino")
