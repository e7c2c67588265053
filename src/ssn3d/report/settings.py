"""The sections `tables`, `leaderboard` and `figures` of the configuration."""

import difflib
from collections.abc import Sequence
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from ssn3d.core.settings import PdbId, PdbIds, Settings, no_repeats
from ssn3d.experiment.runs import BASELINES, METHODS, ORACLE, OTSU, Run, repeats
from ssn3d.segmentation.networks.plugins import package_networks


def _known(method: str) -> str:
    """Raise ValueError, with a hint, for a method that does not exist."""
    if method in METHODS:  # reading the facts of all installed packages takes a while
        return method
    methods = [*METHODS, *(point.name for point in package_networks())]
    if method not in methods:
        near = difflib.get_close_matches(method, methods, n=1, cutoff=0.5)
        known = ", ".join(f"'{name}'" for name in methods)
        hint = f"did you mean '{near[0]}'?" if near else f"must be one of {known}"
        raise ValueError(f"{method!r} is not a method; {hint}")
    return method


Method = Annotated[str, AfterValidator(_known), Field(json_schema_extra={"enum": [*METHODS]})]


class RowSettings(Settings):
    """What a row of Table 2 shows."""

    method: Method
    dataset: str
    # The one default in the models of the configuration: most rows have no use for the key.
    seeds: int = Field(default=1, ge=1, le=100)
    """Trainings that differ in their seed alone; one, unless the key is there."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.method in BASELINES and self.seeds > 1:
            raise ValueError(f"seeds: '{self.method}' is not trained; remove the key")
        return self


def _each_once(rows: list[RowSettings]) -> list[RowSettings]:
    """Raise ValueError where two rows show the same method on the same dataset."""
    no_repeats([f"'{row.method}' on '{row.dataset}'" for row in rows])
    return rows


class Table3Settings(Settings):
    """What Table 3 shows."""

    method: Method
    dataset: str
    leave_out: Literal["all"] | PdbIds

    def left_out(self, pdb_ids: Sequence[str]) -> Sequence[str]:
        """Structures to leave out, one training each; `pdb_ids` are all of the experiment."""
        return pdb_ids if self.leave_out == "all" else self.leave_out


class TablesSettings(Settings):
    """What the tables show, and hence what is trained."""

    table2: Annotated[list[RowSettings], AfterValidator(_each_once), Field(min_length=1)]
    """At least one row."""
    table3: Table3Settings

    def runs(self, pdb_ids: Sequence[str]) -> list[Run]:
        """List the runs that both tables show; `pdb_ids` are all of the experiment."""
        second = [
            Run(row.method, row.dataset, f"random{repeat}")
            for row in self.table2
            for repeat in repeats(row.seeds)
        ]
        method, dataset = self.table3.method, self.table3.dataset
        left_out = self.table3.left_out(pdb_ids)
        return second + [Run(method, dataset, f"without_{pdb_id}") for pdb_id in left_out]


class LeaderboardSettings(Settings):
    """What the leaderboard shows beside the rows of both tables and the classical references."""

    rows: Annotated[list[RowSettings], AfterValidator(_each_once)]
    """More rows."""
    left_out: list[Table3Settings]
    """More trainings without a structure."""
    external: list[str]
    """Folders that `ssn3d score` wrote."""

    def all_rows(self, tables: TablesSettings, datasets: Sequence[str]) -> list[RowSettings]:
        """Rows of Table 2, those of the leaderboard alone, and the references on every dataset."""
        classical = [RowSettings(method=m, dataset=d) for d in datasets for m in (OTSU, ORACLE)]
        rows = [*tables.table2, *self.rows, *classical]
        return [*{(row.method, row.dataset): row for row in reversed(rows)}.values()][::-1]

    def runs(
        self, tables: TablesSettings, datasets: Sequence[str], pdb_ids: Sequence[str]
    ) -> list[Run]:
        """List the runs that it shows; `datasets` and `pdb_ids` are all of the experiment."""
        whole = [
            Run(row.method, row.dataset, f"random{repeat}")
            for row in self.all_rows(tables, datasets)
            for repeat in repeats(row.seeds)
        ]
        without = [
            Run(more.method, more.dataset, f"without_{pdb_id}")
            for more in (tables.table3, *self.left_out)
            for pdb_id in more.left_out(pdb_ids)
        ]
        return [*dict.fromkeys(whole + without)]


class FiguresSettings(Settings):
    """Which structures figures show."""

    complex_id: PdbId
    example_ids: Annotated[PdbIds, Field(min_length=1, max_length=6)]
