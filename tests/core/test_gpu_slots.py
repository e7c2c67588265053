"""Jobs on GPUs: at most so many per GPU, and every slot is released however its job ends."""

import os
import signal
import subprocess
import sys
import threading
from contextlib import ExitStack

import pytest

from ssn3d.core import gpu_slots
from ssn3d.core.gpu_slots import hold_gpus, lock_folder

GPUS = ["GPU-a", "GPU-b"]

HOLDER = """
import sys
from pathlib import Path
from ssn3d.core.gpu_slots import hold_gpus
with hold_gpus(["GPU-a", "GPU-b"], 1, folder=Path(sys.argv[1])) as (index,):
    print(index, flush=True)
    sys.stdin.read()
"""


def start_job(folder):
    """Start a process that holds a slot until it is killed; give it and its GPU."""
    command = [sys.executable, "-c", HOLDER, str(folder)]
    job = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert job.stdout is not None
    return job, int(job.stdout.readline())


def end(job):
    job.send_signal(signal.SIGKILL)
    job.communicate()


def test_next_job_waits_for_a_slot(tmp_path, monkeypatch):
    monkeypatch.setattr(gpu_slots, "POLL_S", 0.02)
    first, gpu_of_first = start_job(tmp_path)
    second, gpu_of_second = start_job(tmp_path)
    try:
        assert {gpu_of_first, gpu_of_second} == {0, 1}
        got = []

        def wait():
            with hold_gpus(GPUS, 1, folder=tmp_path) as indices:
                got.extend(indices)

        waiting = threading.Thread(target=wait)
        waiting.start()
        waiting.join(0.3)
        assert waiting.is_alive()
        assert got == []
        end(second)  # kill -9: only the operating system cleans up
        waiting.join(30)
        assert got == [gpu_of_second]
    finally:
        end(first)
        end(second)


def test_gpus_fill_evenly(tmp_path):
    with ExitStack() as jobs:
        indices = [jobs.enter_context(hold_gpus(GPUS, 2, folder=tmp_path)) for _ in range(4)]
    assert indices == [[0], [1], [0], [1]]


def test_several_gpus_all_or_none(tmp_path, monkeypatch) -> None:
    gpus = [*GPUS, "GPU-c"]
    with hold_gpus(gpus, 2, 2, tmp_path) as first, hold_gpus(gpus, 2, 2, tmp_path) as second:
        assert (first, second) == ([0, 1], [2, 0])

    def wait(_seconds) -> None:
        with hold_gpus(gpus, 1, folder=tmp_path) as rest:  # nobody keeps it while waiting
            assert rest == [2]
        raise TimeoutError

    monkeypatch.setattr("time.sleep", wait)
    with (
        hold_gpus(gpus, 1, 2, tmp_path) as first,
        pytest.raises(TimeoutError),
        hold_gpus(gpus, 1, 2, tmp_path),
    ):
        pytest.fail("two of three GPUs are held already")


def test_slot_is_released(tmp_path):
    for _ in range(3):
        with hold_gpus(GPUS[:1], 1, folder=tmp_path) as indices:
            assert indices == [0]
    with (
        pytest.raises(RuntimeError, match="the job failed"),
        hold_gpus(GPUS[:1], 1, folder=tmp_path),
    ):
        raise RuntimeError("the job failed")
    with hold_gpus(GPUS[:1], 1, folder=tmp_path) as indices:
        assert indices == [0]


def test_lock_folder_is_private(monkeypatch):
    monkeypatch.setattr("pwd.getpwuid", {}.__getitem__)  # as in a container: a user without a name
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    folder = lock_folder()
    assert folder.stat().st_uid == os.getuid()
    assert folder.stat().st_mode & 0o077 == 0
