"""One GPU for each job, or as many jobs a GPU as asked for; Snakemake gives out no device numbers.

Each GPU has numbered lock files, one for each job that it may hold. A job takes the first that is
free, and the operating system releases it when the process ends, however it ends.
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
    """Give the folder of the lock files: one for each user of a machine, on its own disk."""
    folder = Path(tempfile.gettempdir()) / f"ssn3d-gpus-{getpass.getuser()}"
    folder.mkdir(exist_ok=True, mode=0o700)
    return folder


@contextmanager
def gpu_slot(gpus: Sequence[str], jobs_per_gpu: int, folder: Path | None = None) -> Iterator[int]:
    """Hold a free slot, waiting for one where there is none; gives the index of its GPU.

    Args:
        gpus: a name for each GPU that is the same for all processes, as its UUID.
        jobs_per_gpu: a second job goes to a GPU once each of them has one, and so on.
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
    """Try every slot once, the first ones of all GPUs first."""
    for slot in range(jobs_per_gpu):
        for index, name in enumerate(gpus):
            lock = FileLock(folder / f"{name}_{slot}.lock", blocking=False)
            with suppress(Timeout):
                lock.acquire()
                return index, lock
    return None
