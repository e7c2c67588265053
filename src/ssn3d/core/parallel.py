"""Work on several threads, each of which computes on one.

The threads of torch wait busily for one another: on cores that are shared with other work, small
operations take several times as long. They may also split sums, and change the last digits.
"""

import os
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from ssn3d.core.threads import SharedLimit, available_cores

Item = TypeVar("Item")
Result = TypeVar("Result")

_AHEAD = 4
"""Items per thread in hand at a time: enough to keep the threads busy, few enough for memory."""


def _limit_torch() -> int:
    """Limit torch, if it is in use, to one thread; return the number of threads to work on."""
    torch = sys.modules.get("torch")  # most commands do without, and start faster
    if torch is None:
        threads = os.environ.get("OMP_NUM_THREADS", "")  # as torch does
        return max(int(threads), 1) if threads.isdecimal() else available_cores()
    threads_before = int(torch.get_num_threads())
    torch.set_num_threads(1)
    return threads_before


def _lift_limit(threads: int) -> None:
    """Let torch, if it is in use, have its threads again."""
    if (torch := sys.modules.get("torch")) is not None:
        torch.set_num_threads(threads)


_ONE_TORCH_THREAD = SharedLimit(_limit_torch, _lift_limit)


def parallel_results(function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Yield the result of a function for each item, in order.

    The function runs on as many threads as torch may use. Meanwhile the calling thread makes the
    next items, and uses the results.
    """
    with _ONE_TORCH_THREAD.block() as threads, ThreadPoolExecutor(threads) as pool:
        running: deque[Future[Result]] = deque()
        for item in items:
            running.append(pool.submit(function, item))
            if len(running) > _AHEAD * threads:
                yield running.popleft().result()
        while running:
            yield running.popleft().result()


def parallel_map(function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """Results of a function for each item, in order, as `parallel_results` yields them."""
    return list(parallel_results(function, items))
