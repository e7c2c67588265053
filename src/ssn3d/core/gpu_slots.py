"""GPU slots: Snakemake assigns no device numbers, so jobs lock their GPUs themselves.

Each GPU has one lock file per job that may share it. A job locks the first free ones; the operating
system releases them when the process ends, even if it is killed.
"""

import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from ssn3d.core.log import logger

POLL_S = 2.0


def lock_folder() -> Path:
    """Return the folder of the lock files, one per user, on a local disk."""
    folder = Path(tempfile.gettempdir()) / f"ssn3d-gpus-{os.getuid()}"
    folder.mkdir(exist_ok=True, mode=0o700)
    return folder


@contextmanager
def hold_gpus(
    gpus: Sequence[str], jobs_per_gpu: int, count: int = 1, folder: Path | None = None
) -> Iterator[list[int]]:
    """Wait for free slots on `count` different GPUs, hold them, and yield the GPUs' indices.

    `gpus` are names that are the same in all processes, such as UUIDs. Jobs that share GPUs are
    spread evenly. The lock files are in `lock_folder()` unless a folder is given.
    """
    folder = folder or lock_folder()
    is_waiting_logged = False
    while len(taken := _take(gpus, jobs_per_gpu, count, folder)) < count:
        if not is_waiting_logged:
            logger.info("all GPUs are busy (%d, %d jobs each): waiting", len(gpus), jobs_per_gpu)
            is_waiting_logged = True
        time.sleep(POLL_S)
    try:
        yield list(taken)
    finally:
        for lock in taken.values():
            lock.release()


def _take(gpus: Sequence[str], jobs_per_gpu: int, count: int, folder: Path) -> dict[int, FileLock]:
    """Lock slots on `count` GPUs, beginning with the first slots of all, or none at all."""
    taken: dict[int, FileLock] = {}
    with FileLock(folder / "taking.lock"):  # or two jobs might each hold what the other waits for
        for slot in range(jobs_per_gpu):
            for index, name in enumerate(gpus):
                if index in taken or len(taken) == count:
                    continue
                lock = FileLock(folder / f"{name}_{slot}.lock", blocking=False)
                with suppress(Timeout):
                    lock.acquire()
                    taken[index] = lock
        if len(taken) == count:
            return taken
        for lock in taken.values():
            lock.release()
    return {}
