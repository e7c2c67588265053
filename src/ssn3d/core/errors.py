"""Errors that a user can cause: one line with the file, key or value and the way out."""

import errno
import os

_REMEDIES = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), "free some space and rerun"),
    **dict.fromkeys(
        (errno.EROFS, errno.EACCES, errno.EPERM), "make the folder writable or use another one"
    ),
}


class SSN3DError(Exception):
    """Base of all errors below; shown to the user as one line, without a traceback."""

    def __str__(self) -> str:
        """Return the message as one line of valid text.

        A library's message quoted in it may have several lines, and the name of a file may hold
        bytes that are not UTF-8, which are shown as escapes.
        """
        line = " ".join(line.strip() for line in super().__str__().splitlines())
        return line.encode("utf-8", "backslashreplace").decode("utf-8")


class ConfigError(SSN3DError):
    """A key of the configuration is missing, unknown, of the wrong type or out of range."""


class StructureError(SSN3DError):
    """A structure is missing, damaged, or not the requested one."""


class PlacementError(SSN3DError):
    """The requested particles do not fit into the region without overlap."""


class SNRError(SSN3DError):
    """The requested signal-to-noise ratio cannot be reached, or is missed."""


class DataError(SSN3DError):
    """A volume, table or dataset is missing, damaged or of the wrong shape."""


class WriteError(SSN3DError):
    """A file cannot be written: the disk is full, or the folder is read-only."""


class CheckpointError(SSN3DError):
    """A checkpoint is damaged, or belongs to another network, dataset or settings."""


class DeviceError(SSN3DError):
    """The requested device or precision is unavailable."""


def write_error(path: str | os.PathLike[str], error: OSError) -> WriteError:
    """Build the error for a file that cannot be written: why, and what to do."""
    remedy = _REMEDIES.get(error.errno or 0, "fix the cause and rerun")
    return WriteError(f"{path}: cannot be written ({error.strerror or error}); {remedy}")
