"""Provenance of a result: versions, machine, date, settings, inputs."""

import datetime as dt
import hashlib
import json
import platform
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssn3d import __version__
from ssn3d.core.threads import available_cores

_PACKAGES = ("numpy", "scipy", "torch", "gemmi", "mrcfile", "h5py", "scikit-image", "scikit-learn")


def hardware() -> dict[str, Any]:
    """Processor model, and number of cores this process may use."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return {"cpu": models[0] if models else platform.processor(), "cores": available_cores()}


def provenance(
    *, seed: int, settings: dict[str, Any], gpus: Sequence[str] = (), **inputs: Any
) -> dict[str, Any]:
    """Everything needed to reproduce a result, as JSON values; `gpus` are names of GPUs."""
    return {
        "ssn3d": __version__,
        "python": platform.python_version(),
        "packages": {name: metadata.version(name) for name in _PACKAGES},
        "hardware": {**hardware(), "gpus": [*gpus]},
        "date": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "seed": seed,
        "settings": settings,
        **inputs,
    }


def fingerprint(identity: Mapping[str, Any], *arrays: NDArray[Any]) -> str:
    """SHA-256 of names and settings (JSON values) and arrays that a result depends on."""
    digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode())
    for array in arrays:
        digest.update(f"{array.shape} {array.dtype}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
