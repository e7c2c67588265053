"""The sections `tables` and `figures` of the configuration."""

import difflib
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from ssn3d.runs import METHODS
from ssn3d.settings import PdbId, PdbIds, Settings, Unique


def _known(method: str) -> str:
    """Raise ValueError, with a hint, for a method that does not exist."""
    if method not in METHODS:
        near = difflib.get_close_matches(method, METHODS, n=1, cutoff=0.5)
        known = ", ".join(f"'{name}'" for name in METHODS)
        hint = f"did you mean '{near[0]}'?" if near else f"must be one of {known}"
        raise ValueError(f"{method!r} is not a method; {hint}")
    return method


class RowSettings(Settings):
    """What a row of Table 2 shows."""

    method: Annotated[str, AfterValidator(_known), Field(json_schema_extra={"enum": [*METHODS]})]
    dataset: str


class Table3Settings(RowSettings):
    """What Table 3 shows."""

    leave_out: Literal["all"] | PdbIds

    def left_out(self, pdb_ids: Sequence[str]) -> Sequence[str]:
        """Structures to leave out, one training each; `pdb_ids` are all of the experiment."""
        return pdb_ids if self.leave_out == "all" else self.leave_out


class TablesSettings(Settings):
    """What the tables show, and hence what is trained."""

    table2: Annotated[list[RowSettings], *Unique, Field(min_length=1)]
    """At least one row."""
    table3: Table3Settings


class FiguresSettings(Settings):
    """Which structures figures show."""

    complex_id: PdbId
    example_ids: Annotated[PdbIds, Field(min_length=1, max_length=6)]
