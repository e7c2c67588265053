"""Device and precision of computations: requested, or chosen and logged."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

import torch

from ssn3d.core.errors import DeviceError
from ssn3d.core.gpu_slots import hold_gpus
from ssn3d.core.log import logger

_BFLOAT16_UNITS = {"amx_bf16": "AMX", "avx512_bf16": "AVX-512"}


def gpu_names() -> list[str]:
    """Names of the GPUs that torch sees."""
    return [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]


def pick_device(asked: str) -> torch.device:
    """Resolve `auto`, `cpu` or `cuda`, and log the choice.

    Raises DeviceError if `cuda` is requested but unavailable.
    """
    if asked == "cuda" and not torch.cuda.is_available():
        raise DeviceError(
            "device: cuda is unavailable, since torch sees no CUDA GPU; use 'cpu' or 'auto'"
        )
    if asked not in {"auto", "cpu", "cuda"}:
        raise DeviceError(f"device: {asked!r} must be one of 'auto', 'cpu', 'cuda'")
    name = ("cuda" if torch.cuda.is_available() else "cpu") if asked == "auto" else asked
    device = torch.device(name)
    what = torch.cuda.get_device_name(device) if name == "cuda" else "CPU"
    logger.info("device: %s (%s requested)", what, asked)
    return device


@contextmanager
def own_gpus(asked: str, count: int, jobs_per_gpu: int) -> Iterator[list[int]]:
    """Hold `count` GPUs, each shared by at most `jobs_per_gpu` jobs; yield torch's indices.

    On the CPU the list is empty. `asked` is as for `pick_device`. Raises DeviceError if the machine
    has fewer GPUs.
    """
    if asked == "cpu" or not torch.cuda.is_available():
        yield []
        return
    number = torch.cuda.device_count()
    if count > number:
        raise DeviceError(
            f"gpus_per_training: {count} requested, torch sees {number}; ask for fewer"
        )
    gpus = [str(torch.cuda.get_device_properties(i).uuid) for i in range(number)]
    with hold_gpus(gpus, jobs_per_gpu, count) as indices:
        logger.info("GPU %s of %d", ", ".join(str(index + 1) for index in indices), number)
        yield indices


@contextmanager
def own_gpu(asked: str, jobs_per_gpu: int) -> Iterator[None]:
    """Hold a GPU that at most `jobs_per_gpu` jobs share, as torch's current CUDA device.

    Does nothing on the CPU. `asked` is as for `pick_device`.
    """
    with own_gpus(asked, 1, jobs_per_gpu) as indices, current_gpu(indices):
        yield


def current_gpu(indices: Sequence[int], place: int = 0) -> AbstractContextManager[object]:
    """Make one of the GPUs torch's current CUDA device; do nothing if there are none (CPU)."""
    return torch.cuda.device(indices[place]) if indices else nullcontext()


def bfloat16_units(cpuinfo: Path = Path("/proc/cpuinfo")) -> list[str]:
    """Units of this processor that multiply bfloat16 matrices in hardware."""
    flags = cpuinfo.read_text(encoding="utf-8").split() if cpuinfo.exists() else []
    return [name for flag, name in _BFLOAT16_UNITS.items() if flag in flags]


def pick_precision(asked: str, device: torch.device) -> torch.dtype:
    """Resolve `auto`, `float32` or `bfloat16`; `auto` is bfloat16 if the hardware has it.

    Raises DeviceError for other names.
    """
    if asked not in {"auto", "float32", "bfloat16"}:
        raise DeviceError(f"precision: {asked!r} must be one of 'auto', 'float32', 'bfloat16'")
    if asked == "auto":
        if device.type == "cuda":  # torch's emulation is slow
            fast = torch.cuda.is_bf16_supported(including_emulation=False)
        else:
            fast = bool(bfloat16_units())
        asked = "bfloat16" if fast else "float32"
    logger.info("precision: %s", asked)
    return torch.bfloat16 if asked == "bfloat16" else torch.float32


def use_threads(threads: int) -> None:
    """Let torch use this many threads; results repeat to the byte for the same number."""
    torch.set_num_threads(threads)
