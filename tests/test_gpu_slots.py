"""Jobs on GPUs: at most so many per GPU, and every slot is released however its job ends."""

import os
import signal
import subprocess
import sys
import threading
from contextlib import ExitStack

import pytest

from ssn3d import gpu_slots
from ssn3d.gpu_slots import gpu_slot, lock_folder

GPUS = ["GPU-a", "GPU-b"]

HOLDER = """
import sys
from pathlib import Path
from ssn3d.gpu_slots import gpu_slot
with gpu_slot(["GPU-a", "GPU-b"], 1, Path(sys.argv[1])) as index:
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


def test_processes_get_one_gpu_each_and_the_next_waits_until_one_is_killed(tmp_path, monkeypatch):
    monkeypatch.setattr(gpu_slots, "POLL_S", 0.02)
    first, gpu_of_first = start_job(tmp_path)
    second, gpu_of_second = start_job(tmp_path)
    try:
        assert {gpu_of_first, gpu_of_second} == {0, 1}
        got = []

        def wait():
            with gpu_slot(GPUS, 1, tmp_path) as index:
                got.append(index)

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
        indices = [jobs.enter_context(gpu_slot(GPUS, 2, tmp_path)) for _ in range(4)]
    assert indices == [0, 1, 0, 1]


def test_a_slot_is_free_again_after_its_job(tmp_path):
    for _ in range(3):
        with gpu_slot(GPUS[:1], 1, tmp_path) as index:
            assert index == 0
    with pytest.raises(RuntimeError, match="the job failed"), gpu_slot(GPUS[:1], 1, tmp_path):
        raise RuntimeError("the job failed")
    with gpu_slot(GPUS[:1], 1, tmp_path) as index:
        assert index == 0


def test_other_users_have_no_access_to_the_lock_files():
    folder = lock_folder()
    assert folder.stat().st_uid == os.getuid()
    assert folder.stat().st_mode & 0o077 == 0
