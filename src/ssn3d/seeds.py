"""Every random number comes from (config seed, stage, wildcards), and from nowhere else."""

import hashlib

import numpy as np
import torch


def seed_sequence(seed: int, *keys: str | int) -> np.random.SeedSequence:
    """Seed sequence of one job: the config's seed and the names that single the job out."""
    digest = hashlib.sha256("/".join(map(str, keys)).encode()).digest()
    return np.random.SeedSequence([seed, int.from_bytes(digest[:16], "little")])


def generator(seed: int, *keys: str | int) -> np.random.Generator:
    """NumPy generator of one job."""
    return np.random.default_rng(seed_sequence(seed, *keys))


def torch_generator(seed: int, *keys: str | int, device: str = "cpu") -> torch.Generator:
    """Torch generator of one job."""
    state = int(seed_sequence(seed, *keys).generate_state(1, np.uint64)[0])
    return torch.Generator(device=device).manual_seed(state & (2**63 - 1))
