"""Numbers of threads of the workflow's jobs, and limits that nested and concurrent blocks share."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

JOB_THREADS = 2
"""Threads of a job that simulates."""
TRAINING_THREADS = 1
"""Threads of a training or an evaluation: many run side by side, and one thread wastes no time on
waiting for another."""
BASELINE_THREADS = 8
"""Threads of a job of the baseline, which segments that many subtomograms at once."""

Limit = TypeVar("Limit")


def available_cores() -> int:
    """Return the number of cores this process may use; on macOS, which cannot tell, of all."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class SharedLimit(Generic[Limit]):
    """A limit that begins with the first of several blocks, and ends with the last."""

    def __init__(self, begin: Callable[[], Limit], end: Callable[[Limit], object]) -> None:
        """Take the functions that set and lift the limit; `end` gets what `begin` returned."""
        self._begin, self._end = begin, end
        self._lock = threading.Lock()
        self._held: list[Limit] = []

    @contextmanager
    def block(self) -> Iterator[Limit]:
        """Keep the limit during a block, or a decorated function; yield what `begin` returned."""
        with self._lock:
            limit = self._held[0] if self._held else self._begin()
            self._held.append(limit)
        try:
            yield limit
        finally:
            with self._lock:
                self._held.pop()
                if not self._held:
                    self._end(limit)
