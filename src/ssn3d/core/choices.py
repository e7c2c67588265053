"""Options in the configuration that may be lists, of which each tomogram draws one."""

from collections.abc import Hashable
from typing import Annotated, TypeAlias, TypeVar

import numpy as np
from pydantic import Field

from ssn3d.core.settings import Unique

Option = TypeVar("Option", bound=Hashable)

OneOf: TypeAlias = Option | Annotated[list[Option], Field(min_length=1), *Unique]
"""An option, or a list of options of which each tomogram draws one."""


def choose(value: Option | list[Option], rng: np.random.Generator) -> Option:
    """Return an option itself, or one of a list, all with the same probability."""
    return value[rng.integers(len(value))] if isinstance(value, list) else value
