"""Files of weights: the checkpoints that trainings resume from, and their final weights.

They hold tensors and plain values only, and are read as such (`weights_only`), so that an untrusted
file runs no code. Reading checks each tensor's CRC-32, which torch itself does not do.
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


def write_tensors(path: PathLike, content: Mapping[str, Any]) -> None:
    """Write tensors and plain values; equal contents give equal bytes, whatever the name."""
    # given a path, torch would write the file's name into the file, and on a full disk its error
    # would not name the cause
    buffer = io.BytesIO()
    torch.save(dict(content), buffer)
    with atomic_path(path) as partial:
        partial.write_bytes(buffer.getbuffer())


def read_tensors(path: PathLike, remedy: str = _TRAIN_AGAIN) -> dict[str, Any]:
    """Read what `write_tensors` wrote, onto the CPU.

    Args:
        path: the file.
        remedy: what to do about a damaged file.

    Raises:
        CheckpointError: the file is missing, truncated or damaged, or holds more than tensors and
            plain values.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
        if damaged is None:
            content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
            return content
    except Exception as error:  # zip, zlib, pickle and torch fail in many ways
        problem = str(error).split("\n", maxsplit=1)[0]
        cause = error if isinstance(error, OSError) else problem
        raise CheckpointError(
            cannot_be_read(path, "readable file of weights", cause, remedy)
        ) from error
    problem = f"{damaged} is damaged"
    raise CheckpointError(cannot_be_read(path, "readable file of weights", problem, remedy))


def read_checkpoint(path: PathLike | None, expected_fingerprint: str) -> dict[str, Any] | None:
    """Read the checkpoint of a training; None if there is none yet.

    Raises:
        CheckpointError: the file is damaged, or of a training with another network, settings, seed
            or data.
    """
    if path is None or not Path(path).exists():
        return None
    content = read_tensors(path, DELETE)
    if content.get(FINGERPRINT) != expected_fingerprint:
        raise CheckpointError(
            f"{path}: checkpoint of another network, dataset, split, seed or setting; delete it to "
            "train from the start, or restore what it was made with"
        )
    return content
