"""Files written completely or not at all; JSON files; SHA-256; errors of reading and writing."""

import glob
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ssn3d.core.errors import DataError, write_error

PathLike = str | os.PathLike[str]

DELETE = "delete it and rerun"
"""Remedy for a damaged result of ssn3d; never for a file of the user's."""


@contextmanager
def atomic_path(path: PathLike) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` when the block succeeds.

    The temporary name keeps the suffix, because writers choose the format by it. It contains the
    machine and the process ID, so that files left by killed processes can be told from files that
    are being written.

    Raises WriteError if the file cannot be written.
    """
    target = Path(path)
    start = f".{target.stem}.partial-{os.uname().nodename}-"
    partial = target.with_name(f"{start}{os.getpid()}{target.suffix}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        for abandoned in target.parent.glob(f"{glob.escape(start)}*{glob.escape(target.suffix)}"):
            if not _is_alive(abandoned.stem.removeprefix(start)):
                abandoned.unlink(missing_ok=True)
        yield partial
        with partial.open("rb") as handle:
            os.fsync(handle.fileno())
        partial.replace(target)
    except OSError as error:
        raise write_error(target, error) from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def _is_alive(pid: str) -> bool:
    """Return False if no process of this machine has this ID; if it is not a number, True."""
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except (ValueError, OSError):
        return True
    return True


def cannot_be_read(path: PathLike, kind: str, error: object, remedy: str) -> str:
    """Return the message for a file that cannot be read: the cause and the remedy.

    `kind` is the expected one, such as `readable JSON file`. The remedy is for a damaged file,
    DELETE for results of ssn3d only; it is left out if the file is missing, a folder, or not
    readable.
    """
    place = Path(path)
    if isinstance(error, FileNotFoundError) or not exists(place):
        return f"{path}: no such file"
    if isinstance(error, PermissionError) or not os.access(place, os.R_OK):
        return f"{path}: no permission to read it"
    if os.path.isdir(place):  # noqa: PTH112 -- Path.is_dir raises in a forbidden folder
        return f"{path}: a folder, not a {kind}"
    return f"{path}: not a {kind} ({error}); {remedy}"


def exists(path: Path) -> bool:
    """Return False if there is no such file or folder; True if its folder is forbidden."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, ValueError):  # no permission for its folder, or a name that is none
        return True
    return True


def check_utf8(name: str, remedy: str) -> None:
    """Raise DataError if a name, such as that of a file, cannot be written as text."""
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        raise DataError(f"{name}: this name is not UTF-8; {remedy}") from None


def check_braces(path: str, place: str) -> None:
    """Raise DataError if Snakemake would find wildcards in a path."""
    if "{" in path or "}" in path:
        raise DataError(
            f"{place}: {path!r}: Snakemake reads braces as wildcards; rename the file or folder, "
            "or link to it under another name"
        )


def sha256_of(path: PathLike) -> str:
    """Return the SHA-256 of a file, as hexadecimal digits."""
    with Path(path).open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def write_text(path: PathLike, text: str) -> None:
    """Write a text file."""
    with atomic_path(path) as partial:
        partial.write_text(text, encoding="utf-8")


def write_json(path: PathLike, content: dict[str, Any]) -> None:
    """Write `content` as indented JSON. Raises ValueError for NaN and infinity."""
    write_text(path, json.dumps(content, indent=2, allow_nan=False) + "\n")


def read_json(path: PathLike, *required: str, remedy: str = DELETE) -> dict[str, Any]:
    """Read a JSON object, a result of ssn3d unless another remedy is given.

    Raises DataError if the file is missing or damaged, or lacks one of the required keys.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
        content = json.loads(text, parse_constant=_refuse_constant)
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(cannot_be_read(path, "readable JSON file", error, remedy)) from error
    if not isinstance(content, dict):
        raise DataError(f"{path}: not a JSON object; {remedy}")
    missing = [key for key in required if key not in content]
    if missing:
        raise DataError(f"{path}: lacks {', '.join(missing)}; {remedy}")
    return content


def _refuse_constant(name: str) -> None:
    """Refuse NaN and Infinity, which Python accepts as JSON."""
    raise ValueError(f"{name} is not JSON")
