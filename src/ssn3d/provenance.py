"""Where a result comes from: versions, machine, date, settings, inputs."""

import datetime as dt
import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from ssn3d import __version__

_PACKAGES = ("numpy", "scipy", "torch", "gemmi", "mrcfile", "h5py", "scikit-image", "scikit-learn")


def hardware() -> dict[str, Any]:
    """Processor, its cores, and the GPUs that torch sees."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return {
        "cpu": models[0] if models else platform.processor(),
        "cores": len(os.sched_getaffinity(0)),
        "gpus": [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())],
    }


def provenance(*, seed: int, settings: dict[str, Any], **inputs: Any) -> dict[str, Any]:
    """Everything needed to make a result again, as JSON-able values."""
    return {
        "ssn3d": __version__,
        "python": platform.python_version(),
        "packages": {name: metadata.version(name) for name in _PACKAGES},
        "hardware": hardware(),
        "date": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "seed": seed,
        "settings": settings,
        **inputs,
    }
