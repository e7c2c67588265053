"""Work on several threads, each of which computes on one.

The threads of torch wait busily for one another: on cores that are shared with other work, small
operations take several times as long. They may also split sums, and change the last digits.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import torch

Item = TypeVar("Item")
Result = TypeVar("Result")


class _TorchLimit:
    """The number of threads to restore, and the number of blocks that limit torch to one."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.blocks = 0
        self.threads = 1


_LIMIT = _TorchLimit()


@contextmanager
def _one_torch_thread() -> Iterator[int]:
    """Limit torch to one thread within a block; give the number of threads it had before."""
    with _LIMIT.lock:
        if not _LIMIT.blocks:
            _LIMIT.threads = torch.get_num_threads()
            torch.set_num_threads(1)
        _LIMIT.blocks += 1
    try:
        yield _LIMIT.threads
    finally:
        with _LIMIT.lock:
            _LIMIT.blocks -= 1
            if not _LIMIT.blocks:
                torch.set_num_threads(_LIMIT.threads)


def parallel_map(function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """Results of a function for each item, in order, on as many threads as torch may use.

    The items are made on the calling thread while the function runs.
    """
    with _one_torch_thread() as threads, ThreadPoolExecutor(threads) as pool:
        return list(pool.map(function, items))
