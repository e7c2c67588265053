"""Disks that are full, for any user or for root, and folders without permission."""

import os
import resource
import shutil
import subprocess
from contextlib import contextmanager

import pytest


@contextmanager
def little_room(room_bytes):
    """Let no file grow beyond so many bytes: writing fails as on a full disk, also for root."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room_bytes, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@contextmanager
def small_disk(folder, size_kib):
    """Mount a disk in memory on a new folder; skips the test for users who may not."""
    folder.mkdir(exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size_kib}k", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, check=False).returncode:
        pytest.skip("only root on Linux can mount a disk in memory")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@contextmanager
def protected(folder, mode):
    """Give a folder these permissions, and become another user if this is root."""
    folder.chmod(mode)
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
        folder.chmod(0o755)
