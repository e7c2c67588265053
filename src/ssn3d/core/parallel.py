"""Work on several threads, each of which computes on one.

The threads of torch wait busily for one another: on cores that are shared with other work, small
operations take several times as long. They may also split sums, and change the last digits.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

from ssn3d.core.threads import SharedLimit

Item = TypeVar("Item")
Result = TypeVar("Result")


def _limit_torch() -> int:
    """Limit torch to one thread; return the number of threads it had before."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    return threads


_ONE_TORCH_THREAD = SharedLimit(_limit_torch, torch.set_num_threads)


def parallel_map(function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """Results of a function for each item, in order, on as many threads as torch may use.

    The items are made on the calling thread while the function runs.
    """
    with _ONE_TORCH_THREAD.block() as threads, ThreadPoolExecutor(threads) as pool:
        return list(pool.map(function, items))
