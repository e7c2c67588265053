"""Fixtures shared by all tests."""

from pathlib import Path

import pytest
import torch

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def repository() -> Path:
    """Give the root of the repository."""
    return REPOSITORY


@pytest.fixture(scope="session")
def real_structures() -> Path:
    """Give the folder of real coordinate files, where there is one beside the repository."""
    folder = REPOSITORY.parent / "shared" / "structures"
    if not (folder / "index.tsv").exists():
        pytest.skip(f"no real coordinate files at {folder}")
    return folder


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def device(request: pytest.FixtureRequest) -> str:
    """Give each device in turn; without a GPU the CUDA tests are skipped, by name."""
    if request.param == "cuda" and not torch.cuda.is_available():
        pytest.skip("no CUDA GPU")
    return str(request.param)
