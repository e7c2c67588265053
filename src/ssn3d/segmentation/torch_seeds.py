"""Random numbers of torch, from the same seeds as all others."""

import numpy as np
import torch

from ssn3d.seeds import seed_sequence


def torch_generator(seed: int, *keys: str | int, device: str = "cpu") -> torch.Generator:
    """Torch generator of one job."""
    state = int(seed_sequence(seed, *keys).generate_state(1, np.uint64)[0])
    return torch.Generator(device=device).manual_seed(state & (2**63 - 1))
