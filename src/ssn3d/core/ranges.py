"""Ranges of numbers and lists of options in the configuration, of which each tomogram draws one."""

from collections.abc import Hashable
from typing import Annotated, TypeAlias, TypeVar

import numpy as np
from pydantic import AfterValidator, Field

from ssn3d.core.settings import Unique

Number = TypeVar("Number", bound=float)
Option = TypeVar("Option", bound=Hashable)

OneOf: TypeAlias = Option | Annotated[list[Option], Field(min_length=1), *Unique]
"""An option, or a list of options of which each tomogram draws one."""


def _rises(bounds: list[Number]) -> list[Number]:
    """Raise ValueError unless a range's second bound is above the first."""
    if bounds[0] >= bounds[1]:
        raise ValueError(f"the range {bounds} does not rise; put the lower bound first")
    return bounds


OrRange: TypeAlias = (
    Number | Annotated[list[Number], Field(min_length=2, max_length=2), AfterValidator(_rises)]
)
"""A number, or the bounds [low, high] of a range from which each tomogram's value is drawn."""


def draw(value: float | list[int] | list[float], rng: np.random.Generator) -> float:
    """Return a number itself, or a uniform random number within a range."""
    if not isinstance(value, list):
        return float(value)
    low, high = value
    return float(rng.uniform(low, high))


def draw_count(value: int | list[int], rng: np.random.Generator) -> int:
    """Return a whole number itself, or one within a range, ends included, all as likely."""
    if not isinstance(value, list):
        return value
    low, high = value
    return int(rng.integers(low, high, endpoint=True))


def choose(value: Option | list[Option], rng: np.random.Generator) -> Option:
    """Return an option itself, or one of a list, all with the same probability."""
    return value[rng.integers(len(value))] if isinstance(value, list) else value


def lowest(value: Number | list[Number]) -> Number:
    """Return a number itself, or the lower bound of a range."""
    return value[0] if isinstance(value, list) else value


def highest(value: Number | list[Number]) -> Number:
    """Return a number itself, or the upper bound of a range."""
    return value[1] if isinstance(value, list) else value
