"""Specimen shared by all tests of averaging."""

import pytest
from tilted_specimen import tilted_specimen


@pytest.fixture(scope="session")
def specimen(molecule):
    """Return 32 copies of the molecule in a noisy tomogram with the missing wedge."""
    return tilted_specimen(molecule)
