"""Random numbers, seeded by the configuration's seed, the stage and the wildcards alone."""

import hashlib

import numpy as np


def seed_sequence(seed: int, *keys: str | int) -> np.random.SeedSequence:
    """Seed sequence of a job: the configuration's seed, and names that identify the job."""
    digest = hashlib.sha256("/".join(map(str, keys)).encode()).digest()
    return np.random.SeedSequence([seed, int.from_bytes(digest[:16], "little")])


def generator(seed: int, *keys: str | int) -> np.random.Generator:
    """NumPy generator of a job."""
    return np.random.default_rng(seed_sequence(seed, *keys))
