"""A disk that is full after a few kB."""

import resource
from contextlib import contextmanager

ROOM_BYTES = 4096


@contextmanager
def little_room():
    """Let no file grow beyond a few kB: writing fails as on a full disk, also for root."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM_BYTES, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
