"""Data for all tests of the stage, and one thread, so that the same seed gives the same bytes."""

import pytest
import torch
from spheres import dataset_of_spheres


@pytest.fixture(scope="session")
def spheres():
    """Enough of them, and large enough, to learn what a sphere is."""
    return dataset_of_spheres(train=32, validation=8, size=16)


@pytest.fixture(scope="session")
def tiny_spheres():
    """Enough to make a few steps."""
    return dataset_of_spheres(train=12, validation=4, size=8)


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
