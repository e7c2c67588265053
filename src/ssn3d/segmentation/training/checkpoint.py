"""Reading and writing of checkpoints and final weights (.pt).

They hold tensors and plain values only (`weights_only`), so that an untrusted file runs no code.
Reading checks each tensor's CRC-32, which torch itself does not do.
"""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ssn3d.core.errors import CheckpointError
from ssn3d.io.files import DELETE, PathLike, atomic_path, cannot_be_read

FINGERPRINT = "fingerprint"
_TRAIN_AGAIN = "restore it, or repeat the training"
_KIND = "readable file of weights"


def write_tensors(path: PathLike, content: Mapping[str, Any]) -> None:
    """Write tensors and plain values; equal contents give equal bytes."""
    # given a path, torch writes its name into the file, and does not name the cause on a full disk
    buffer = io.BytesIO()
    torch.save(dict(content), buffer)
    with atomic_path(path) as partial:
        partial.write_bytes(buffer.getbuffer())


def read_tensors(path: PathLike, remedy: str = _TRAIN_AGAIN) -> dict[str, Any]:
    """Read a file of `write_tensors` to the CPU.

    Raises CheckpointError, whose message ends with `remedy`, if the file is missing, truncated or
    damaged, or holds more than tensors and plain values.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
        content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # zip, zlib, pickle and torch fail in many ways
        cause = error if isinstance(error, OSError) else str(error).split("\n", maxsplit=1)[0]
        raise CheckpointError(cannot_be_read(path, _KIND, cause, remedy)) from error
    if damaged:
        raise CheckpointError(cannot_be_read(path, _KIND, f"{damaged} is damaged", remedy))
    return content


def read_checkpoint(path: PathLike | None, expected_fingerprint: str) -> dict[str, Any] | None:
    """Read the checkpoint of a training; None if there is none yet.

    Raises CheckpointError if it is damaged, or of another network, dataset, split, seed or setting.
    """
    if path is None or not Path(path).exists():
        return None
    content = read_tensors(path, DELETE)
    if content.get(FINGERPRINT) != expected_fingerprint:
        raise CheckpointError(
            f"{path}: checkpoint of another network, dataset, split, seed or setting; delete it to "
            "train from the start, or restore its inputs and settings"
        )
    return content
