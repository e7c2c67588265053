"""Logs, progress bars, and user errors as one line."""

import logging
import os
import re
import signal
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from tqdm import tqdm

from ssn3d.core.errors import DataError, SSN3DError, write_error

logger = logging.getLogger("ssn3d")
logging.getLogger("py.warnings").parent = logger  # warnings of Python go where messages go

T = TypeVar("T")


class _LogFile(logging.FileHandler):
    """A log file; if it cannot be written, warn once and log to the terminal only."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 -- logging's name
        """Stop writing; every line goes to the terminal anyway."""
        del record
        logger.removeHandler(self)
        error = sys.exception()
        logger.warning("%s: the log ends here (%s)", self.baseFilename, error)

    def close(self) -> None:
        """Close the file, even if buffered lines cannot be written."""
        with suppress(OSError):
            super().close()


@contextmanager
def job(
    log_file: str | os.PathLike[str] | None = None, *, of_another: bool = False
) -> Iterator[None]:
    """Log to the terminal, and to `log_file` if given; exit with status 1 on a user error.

    A lack of memory is a user error, too; an interrupted job exits with status 130. The log file is
    emptied first, unless another process writes to it too (`of_another`).
    """
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    if log_file is not None:
        try:
            Path(log_file).parent.mkdir(parents=True, exist_ok=True)
            if not of_another:
                Path(log_file).write_bytes(b"")
            handlers.append(_LogFile(log_file, "a", "utf-8", errors="backslashreplace"))
        except OSError as error:
            sys.exit(f"error: {write_error(log_file, error)}")
    form = logging.Formatter("%(asctime)s %(message)s", datefmt="%H:%M:%S")
    for handler in handlers:
        handler.setFormatter(form)
        logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logging.captureWarnings(capture=True)
    try:
        yield
    except (Exception, KeyboardInterrupt) as error:
        line = _one_line(error)
        if line is None:
            logger.exception("failed")
            raise
        logger.error(line)  # noqa: TRY400 -- no traceback
        sys.exit(128 + signal.SIGINT if isinstance(error, KeyboardInterrupt) else 1)
    finally:
        logging.captureWarnings(capture=False)
        for handler in handlers:
            logger.removeHandler(handler)
            handler.close()


def _one_line(error: BaseException) -> str | None:
    """Return the line that tells an error; None for an error of the program."""
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    if isinstance(error, MemoryError):
        remedy = "close other programs, or give a smaller volume"
        return f"error: not enough memory ({str(error) or 'none left'}); {remedy}"
    if isinstance(error, PermissionError):
        return f"error: {error.filename or error}: no permission"
    if isinstance(error, UnicodeEncodeError) and error.reason == "surrogates not allowed":
        return f"error: {_not_utf8(error)}"
    return f"error: {error}" if isinstance(error, SSN3DError) else None


def _not_utf8(error: UnicodeEncodeError) -> DataError:
    """Build the error for a file name that is not UTF-8 and was to be written as text."""
    before, after = error.object[: error.start], error.object[error.start :]
    name = re.split(r"[\s,\"]", before)[-1] + re.split(r"[\s,\"]", after)[0]
    return DataError(
        f"{name[:200]}: a name that is not UTF-8 cannot be written into a file; rename the file or "
        "its folder"
    )


def progress(
    items: Iterable[T], title: str, total: int | None = None, voxels_each: int | None = None
) -> Iterable[T]:
    """Iterate with a progress bar on a terminal, or a line every 15 s elsewhere.

    It shows the time left and the speed: items per second, or voxels with `voxels_each`.
    """
    live = sys.stderr.isatty()
    in_voxels = {"unit": "voxel", "unit_scale": voxels_each} if voxels_each else {}
    bar: Iterable[T] = tqdm(
        items, title, total, mininterval=0.2 if live else 15, ncols=90, leave=live, **in_voxels
    )
    return bar
