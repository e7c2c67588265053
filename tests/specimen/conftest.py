"""Structures for all tests of the stage."""

import numpy as np
import pytest


@pytest.fixture(scope="session")
def structures(molecule):
    """Two complexes of one shape and different sizes."""
    points, masses = molecule
    return {"1AAA": molecule, "2BBB": (points * np.float32(0.6), masses)}
