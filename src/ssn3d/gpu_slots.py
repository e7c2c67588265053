"""One GPU for each job, or several jobs per GPU; Snakemake assigns no device numbers.

Each GPU has numbered lock files, one for each job that it may hold. A job locks the first free one;
the operating system releases it when the process ends, even if it is killed.
"""

import getpass
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from ssn3d.log import logger

POLL_S = 2.0


def lock_folder() -> Path:
    """Return the folder of the lock files, one per user, on a local disk."""
    folder = Path(tempfile.gettempdir()) / f"ssn3d-gpus-{getpass.getuser()}"
    folder.mkdir(exist_ok=True, mode=0o700)
    return folder


@contextmanager
def gpu_slot(gpus: Sequence[str], jobs_per_gpu: int, folder: Path | None = None) -> Iterator[int]:
    """Wait for a free slot, hold it, and yield the index of its GPU.

    Args:
        gpus: a name for each GPU that is the same in all processes, such as its UUID.
        jobs_per_gpu: how many may share a GPU; they are spread evenly.
        folder: of the lock files; `lock_folder()` unless given.
    """
    folder = folder or lock_folder()
    said = False
    while (taken := _take(gpus, jobs_per_gpu, folder)) is None:
        if not said:
            logger.info("all GPUs are busy (%d, %d jobs each): waiting", len(gpus), jobs_per_gpu)
            said = True
        time.sleep(POLL_S)
    index, lock = taken
    try:
        yield index
    finally:
        lock.release()


def _take(gpus: Sequence[str], jobs_per_gpu: int, folder: Path) -> tuple[int, FileLock] | None:
    """Try every slot once, beginning with the first slots of all GPUs."""
    for slot in range(jobs_per_gpu):
        for index, name in enumerate(gpus):
            lock = FileLock(folder / f"{name}_{slot}.lock", blocking=False)
            with suppress(Timeout):
                lock.acquire()
                return index, lock
    return None
