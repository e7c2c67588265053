"""Types of the command line's numeric options: a value out of range ends before anything is read.

The ranges are those of the same keys of the configuration.
"""

import argparse
import math
import re
from typing import Any

_LARGEST_ANGSTROM = 1e5
_STEEPEST_DEG = 90.0
_MOST_ROUNDS = 100
_SMALLEST_BOX, _LARGEST_BOX = 8, 1024


def finite(text: str) -> float:
    """Read a number that is neither NaN nor infinite."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number")
    return number


def angstrom(text: str) -> float:
    """Read a length above 0."""
    return _checked(text, positive(text) <= _LARGEST_ANGSTROM, f"at most {_LARGEST_ANGSTROM:g}")


def shift_angstrom(text: str) -> float:
    """Read a length that may be 0."""
    number = finite(text)
    return _checked(text, 0 <= number <= _LARGEST_ANGSTROM, f"from 0 to {_LARGEST_ANGSTROM:g}")


def positive(text: str) -> float:
    """Read a number above 0."""
    return _checked(text, finite(text) > 0, "above 0")


def probability(text: str) -> float:
    """Read a number between 0 and 1."""
    return _checked(text, 0 < finite(text) < 1, "between 0 and 1")


def tilt_deg(text: str) -> float:
    """Read a tilt."""
    wanted = f"from -{_STEEPEST_DEG:g} to {_STEEPEST_DEG:g}"
    return _checked(text, abs(finite(text)) <= _STEEPEST_DEG, wanted)


def count(text: str) -> int:
    """Read a whole number above 0."""
    return _whole(text, 1)


def seed(text: str) -> int:
    """Read a whole number that is not negative."""
    return _whole(text, 0)


def rounds(text: str) -> int:
    """Read the number of rounds of alignment, which may be 0."""
    return _whole(text, 0, _MOST_ROUNDS)


def box_voxels(text: str) -> int:
    """Read the edge of a box."""
    return _whole(text, _SMALLEST_BOX, _LARGEST_BOX)


def point_group(text: str) -> str:
    """Read the name of a point group, Cn or Dn."""
    if not re.fullmatch("[CcDd][1-9][0-9]?", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not Cn or Dn, such as C4 or D7")
    return text.upper()


class Ascending(argparse.Action):
    """Two values, the lower one first."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        """Store them as a tuple."""
        del parser, option_string
        low, high = values
        if low >= high:
            message = f"{low:g} {high:g}: the second is not above the first; give the lowest first"
            raise argparse.ArgumentError(self, message)
        setattr(namespace, self.dest, (low, high))


def _checked(text: str, is_right: bool, wanted: str) -> float:
    """Return the number in a text, or raise the error that says what is wanted."""
    if not is_right:
        raise argparse.ArgumentTypeError(f"{text} is not {wanted}")
    return float(text)


def _whole(text: str, low: int, high: float = math.inf) -> int:
    """Read a whole number between bounds, both included."""
    wanted = f"{low} or more" if math.isinf(high) else f"from {low} to {high:g}"
    if not re.fullmatch(r"[+-]?\d{1,18}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number ({wanted})")
    _checked(text, low <= int(text) <= high, wanted)
    return int(text)
