"""Text files of other programs, in the encodings that spreadsheets and editors write."""

import codecs
import os
from pathlib import Path

from ssn3d.core.errors import DataError
from ssn3d.io.files import PathLike, cannot_be_read

MOST_NAMES = 10
"""Largest number of names in a message."""
_HEAD_BYTES = 4096
_NO_TEXT = "not text in UTF-8 or UTF-16; give a table, saved as UTF-8"
_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def read_any_text(path: PathLike) -> str:
    """Read a text file in UTF-8 or UTF-16, with or without a byte-order mark.

    Line ends become line feeds. Raises DataError if the file is missing or is not text.
    """
    try:
        with Path(path).open("rb") as stream:
            content = stream.read(_HEAD_BYTES)
            if not _is_text(content):  # as in a volume; the rest of it may be large
                raise DataError(f"{path}: {_NO_TEXT}")
            text = (content + stream.read()).decode(_encoding(content))
    except OSError as error:
        raise DataError(cannot_be_read(path, "text file", error, "give another file")) from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: {_NO_TEXT}") from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


def is_text(path: PathLike) -> bool:
    """Return True if the first bytes are text, or the file is missing."""
    if not os.path.isfile(path):  # noqa: PTH113 -- Path.is_file raises in a forbidden folder
        return not os.path.isdir(path)  # noqa: PTH112
    try:
        with Path(path).open("rb") as stream:
            return _is_text(stream.read(_HEAD_BYTES))
    except OSError as error:
        raise DataError(cannot_be_read(path, "file", error, "give another file")) from error


def _is_text(head: bytes) -> bool:
    try:
        return "\0" not in codecs.getincrementaldecoder(_encoding(head))().decode(head)
    except UnicodeDecodeError:
        return False


def _encoding(content: bytes) -> str:
    for mark, encoding in _MARKS.items():
        if content.startswith(mark):
            return encoding
    # the first character of a table is ASCII: one of its two bytes is 0 in UTF-16
    if content[:1] == b"\0":
        return "utf-16-be"
    return "utf-16-le" if content[1:2] == b"\0" else "utf-8"


def listed(names: list[str]) -> str:
    """Join names for a message: at most the first ten, and the number of all."""
    shown = ", ".join(names[:MOST_NAMES])
    return shown if len(names) <= MOST_NAMES else f"{shown}, ... ({len(names)} in all)"
