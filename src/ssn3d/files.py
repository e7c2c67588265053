"""Outputs that appear whole or not at all, and the hashes that identify inputs."""

import errno
import glob
import hashlib
import json
import os
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ssn3d.errors import DataError, WriteError

_CHECKSUM = "crc32"
_REMEDIES = {
    errno.ENOSPC: "make room and run again",
    errno.EDQUOT: "make room and run again",
    errno.EROFS: "make the folder writable, or run in another",
    errno.EACCES: "make the folder writable, or run in another",
    errno.EPERM: "make the folder writable, or run in another",
}


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path beside `path`, renamed to it when the block ends without an error.

    The temporary name keeps the suffix, because writers choose a format by it. It names machine
    and process, so that what a killed process left is told from what is being written.

    Raises WriteError, one line with the way out, where the file cannot be written.
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
    """Whether a process of this machine runs; of what is no number, say so to be safe."""
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except (ValueError, OSError):
        return True
    return True


def write_error(path: str | os.PathLike[str], error: OSError) -> WriteError:
    """Say on one line why a file cannot be written, and what to do."""
    remedy = _REMEDIES.get(error.errno or 0, "see to it and run again")
    return WriteError(f"{path}: cannot be written ({error.strerror or error}); {remedy}")


def sha256_of(path: str | os.PathLike[str]) -> str:
    """SHA-256 of a file, as hexadecimal digits."""
    with Path(path).open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def crc32_of(text: str) -> str:
    """CRC-32 of a text, as hexadecimal digits."""
    return f"{zlib.crc32(text.encode()):08x}"


def write_json(path: str | os.PathLike[str], content: dict[str, Any]) -> None:
    """Write `content` and its checksum as indented JSON; NaN is not JSON and raises ValueError."""
    checked = content | {_CHECKSUM: crc32_of(_as_json(content))}
    with atomic_path(path) as partial:
        partial.write_text(_as_json(checked), encoding="utf-8")


def _as_json(content: dict[str, Any]) -> str:
    return json.dumps(content, indent=2, allow_nan=False) + "\n"


def read_json(path: str | os.PathLike[str], *required: str) -> dict[str, Any]:
    """Read what `write_json` wrote, or a JSON object without a checksum.

    Raises DataError where it is missing or damaged, or lacks one of the keys required.
    """
    try:
        return _checked(Path(path).read_text(encoding="utf-8"), required)
    except (OSError, ValueError, RecursionError) as error:
        message = f"{path}: not a readable JSON file ({error}); delete it and run again"
        raise DataError(message) from error


def _checked(text: str, required: Sequence[str]) -> dict[str, Any]:
    """Parse a JSON object. Raises ValueError where its checksum is wrong, or a key is missing."""
    content = json.loads(text, parse_constant=_no_constant)
    if not isinstance(content, dict):
        raise ValueError("it is no object")  # noqa: TRY004 -- of a file, not of an argument
    checksum = content.pop(_CHECKSUM, None)
    if checksum is not None and checksum != crc32_of(_as_json(content)):
        raise ValueError("its checksum is wrong")
    missing = [key for key in required if key not in content]
    if missing:
        raise ValueError(f"it lacks {', '.join(missing)}")
    return content


def _no_constant(name: str) -> None:
    """Refuse NaN and Infinity, which Python takes for JSON."""
    raise ValueError(f"{name} is not JSON")
