"""Every random number comes from (config seed, stage, wildcards), and from nowhere else."""

import hashlib

import numpy as np


def seed_sequence(seed: int, *keys: str | int) -> np.random.SeedSequence:
    """Seed sequence of one job: the config's seed and the names that single the job out."""
    digest = hashlib.sha256("/".join(map(str, keys)).encode()).digest()
    return np.random.SeedSequence([seed, int.from_bytes(digest[:16], "little")])


def generator(seed: int, *keys: str | int) -> np.random.Generator:
    """NumPy generator of one job."""
    return np.random.default_rng(seed_sequence(seed, *keys))
