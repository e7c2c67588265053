"""Checks of the options of averaging."""

import math

import pytest

from ssn3d.averaging.options import AverageOptions
from ssn3d.core.errors import DataError

WRONG = {
    "diameter_angstrom": [0, -1, math.nan, math.inf],
    "first_resolution_angstrom": [0, -5, math.nan],
    "max_shift_angstrom": [-1, math.nan],
    "rounds": [-1],
    "seed": [-1],
    "threads": [0],
    "symmetry": ["X3"],
    "tilt_range_deg": [(60, -60), (0, 0), (-95, 60), (-60, math.nan)],
}


@pytest.mark.parametrize(("name", "value"), [(k, v) for k, all_ in WRONG.items() for v in all_])
def test_impossible_options(name, value):
    with pytest.raises(DataError, match="; give "):
        AverageOptions(**{"diameter_angstrom": 100.0, name: value})


def test_extreme_options():
    limits = {"max_shift_angstrom": 0.0, "rounds": 0, "seed": 0, "threads": 1}
    AverageOptions(diameter_angstrom=100.0, tilt_range_deg=(-90.0, 90.0), **limits)
