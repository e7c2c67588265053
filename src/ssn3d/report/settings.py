"""The sections `tables`, `leaderboard` and `figures` of the configuration."""

import difflib
from collections.abc import Sequence
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from ssn3d.core.settings import PdbId, PdbIds, Settings, no_repeats
from ssn3d.experiment.runs import BASELINES, METHODS, ORACLE, OTSU, Run, repeats
from ssn3d.segmentation.networks.plugins import package_networks


def _known(method: str) -> str:
    """Raise ValueError, with a hint, for an unknown method."""
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
    """A row of Table 2."""

    method: Method
    dataset: str
    # The only default in the configuration's models: most rows do not need the key.
    seeds: int = Field(default=1, ge=1, le=100)
    """Number of trainings, which differ in their seed alone."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.method in BASELINES and self.seeds > 1:
            raise ValueError(f"seeds: '{self.method}' is not trained; remove the key")
        return self

    def runs(self) -> list[Run]:
        """List the runs of all seeds, on the random split."""
        names = [f"random{repeat}" for repeat in repeats(self.seeds)]
        return [Run(self.method, self.dataset, name) for name in names]


def _each_once(rows: list[RowSettings]) -> list[RowSettings]:
    """Raise ValueError if two rows show the same method on the same dataset."""
    no_repeats([f"'{row.method}' on '{row.dataset}'" for row in rows])
    return rows


class Table3Settings(Settings):
    """Trainings that each leave out one structure, as Table 3 shows them."""

    method: Method
    dataset: str
    leave_out: Literal["all"] | PdbIds

    def left_out(self, pdb_ids: Sequence[str]) -> Sequence[str]:
        """List the structures to leave out; `pdb_ids` are all of the experiment."""
        return pdb_ids if self.leave_out == "all" else self.leave_out

    def run(self, pdb_id: str) -> Run:
        """Name the run without a structure."""
        return Run(self.method, self.dataset, f"without_{pdb_id}")


class TablesSettings(Settings):
    """Rows of Tables 2 and 3, which decide what is trained."""

    table2: Annotated[list[RowSettings], AfterValidator(_each_once), Field(min_length=1)]
    """Rows of Table 2, at least one."""
    table3: Table3Settings

    def runs(self, pdb_ids: Sequence[str]) -> list[Run]:
        """List the runs that both tables show; `pdb_ids` are all of the experiment."""
        left_out = [self.table3.run(pdb_id) for pdb_id in self.table3.left_out(pdb_ids)]
        return [run for row in self.table2 for run in row.runs()] + left_out


class LeaderboardSettings(Settings):
    """Rows of the leaderboard besides those of both tables and the classical references."""

    rows: Annotated[list[RowSettings], AfterValidator(_each_once)]
    """Rows besides those of both tables."""
    left_out: list[Table3Settings]
    """Trainings that each leave out one structure."""
    external: list[str]
    """Folders written by `ssn3d score`."""

    def all_rows(self, tables: TablesSettings, datasets: Sequence[str]) -> list[RowSettings]:
        """List Table 2's rows, the leaderboard's, and the references on every dataset.

        Of rows of one method and dataset, the one of most seeds counts.
        """
        classical = [RowSettings(method=m, dataset=d) for d in datasets for m in (OTSU, ORACLE)]
        most: dict[tuple[str, str], RowSettings] = {}
        for row in [*tables.table2, *self.rows, *classical]:
            other = most.get((row.method, row.dataset), row)
            most[row.method, row.dataset] = max(other, row, key=lambda one: one.seeds)
        return [*most.values()]

    def runs(
        self, tables: TablesSettings, datasets: Sequence[str], pdb_ids: Sequence[str]
    ) -> list[Run]:
        """List the runs to show; `datasets` and `pdb_ids` are all of the experiment."""
        whole = [run for row in self.all_rows(tables, datasets) for run in row.runs()]
        return [*dict.fromkeys([*whole, *self.without(tables, pdb_ids)])]

    def without(self, tables: TablesSettings, pdb_ids: Sequence[str]) -> dict[Run, str]:
        """Structure that each training leaves out, Table 3's trainings first."""
        return {
            more.run(pdb_id): pdb_id
            for more in (tables.table3, *self.left_out)
            for pdb_id in more.left_out(pdb_ids)
        }


class FiguresSettings(Settings):
    """Structures that the figures show."""

    complex_id: PdbId
    example_ids: Annotated[PdbIds, Field(min_length=1, max_length=6)]
