"""Matrix products of NumPy and SciPy on one thread.

BLAS splits the sums of a product differently for each number of threads, which changes the last
digits. Its threads also wait busily for one another: on cores that are shared with other work,
small products take several times as long.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]


class _Limit:
    """The limit while it is needed, and the number of blocks that need it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.blocks = 0
        self.limiter: Any = None

    def enter(self) -> None:
        """Set the limit for the first block."""
        with self.lock:
            if not self.blocks:
                self.limiter = ThreadpoolController().limit(limits=1, user_api="blas")
            self.blocks += 1

    def leave(self) -> None:
        """Restore the number of threads after the last block."""
        with self.lock:
            self.blocks -= 1
            if not self.blocks:
                self.limiter.restore_original_limits()


_LIMIT = _Limit()


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Limit BLAS to one thread while a block, or a decorated function, is running.

    Blocks may be nested, and run in several threads at once.
    """
    _LIMIT.enter()
    try:
        yield
    finally:
        _LIMIT.leave()
