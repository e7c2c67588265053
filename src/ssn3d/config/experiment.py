"""The configuration: YAML files, merged and checked.

Each section is a model in the settings module of its stage. They are composed here, and checked
against one another.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from ssn3d.config.messages import one_line
from ssn3d.core.errors import ConfigError
from ssn3d.core.settings import Settings, no_repeats
from ssn3d.experiment.runs import BASELINES, JOIN
from ssn3d.find.settings import FindSettings
from ssn3d.io.files import PathLike
from ssn3d.io.yaml_files import read_yaml
from ssn3d.microscope.settings import ANY_REFERENCE, BAND, MicroscopeSettings, SNRSettings
from ssn3d.recovery.settings import RecoverySettings
from ssn3d.report.settings import (
    FiguresSettings,
    LeaderboardSettings,
    RowSettings,
    Table3Settings,
    TablesSettings,
)
from ssn3d.segmentation.settings import BaselineSettings, TrainingSettings
from ssn3d.specimen.settings import SpecimenSettings
from ssn3d.structures.settings import StructuresSettings
from ssn3d.subtomograms.settings import SplitsSettings, SubtomogramsSettings

_OF_FILES = {"structures.biological_ids", "structures.maps"}
"""Keys that, beside those of structures left out, name no random shapes."""

_FEWEST_INDEPENDENT = 2
_FEWEST_SPLIT = 3
"""Tomograms of a split by tomogram: one to train on, one to validate on, one to test on."""


class Config(Settings):
    """A whole configuration."""

    seed: int = Field(ge=0)
    """Seed of all random numbers."""
    keep: Literal["all", "subtomograms"]
    """Files kept on disk; with subtomograms, volumes are deleted after extraction and drawing."""
    structures: StructuresSettings
    tomograms: int = Field(ge=1, le=100_000)
    """Number of tomograms to train, validate and test on."""
    independent_tomograms: int = Field(ge=1, le=1000)
    """Number of further tomograms, for scores alone, that no training sees."""
    specimen: SpecimenSettings
    microscope: MicroscopeSettings
    snr: SNRSettings
    subtomograms: SubtomogramsSettings
    splits: SplitsSettings
    trainings_per_gpu: int = Field(ge=1, le=64)
    """Trainings that share a GPU at a time."""
    gpus_per_training: int = Field(ge=1, le=64)
    """GPUs per training on each node; without GPUs, number of processes."""
    training: TrainingSettings
    baseline: BaselineSettings
    tables: TablesSettings
    leaderboard: LeaderboardSettings
    figures: FiguresSettings
    recovery: RecoverySettings
    find: FindSettings | None
    """Search for named molecules; null for none."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        size = self.subtomograms.size_voxels
        for axis, voxels in self.specimen.tomogram_size_voxels:
            if voxels < size:
                raise ValueError(
                    f"specimen.tomogram_size_voxels.{axis}: {voxels} is smaller than a subtomogram "
                    f"(subtomograms.size_voxels: {size}); make the tomogram larger"
                )
        if self.splits.by == "tomogram" and self.tomograms < _FEWEST_SPLIT:
            raise ValueError(
                f"splits.by: tomogram needs at least {_FEWEST_SPLIT} tomograms, there are "
                f"{self.tomograms}; ask for more (tomograms), or split by subtomogram"
            )
        self.microscope.check_specimen(self.specimen)
        if self.find is not None:
            self._check_find()
        names, board = self.snr.snr_of, self.leaderboard
        shown: dict[str, RowSettings | Table3Settings] = {"tables.table3": self.tables.table3}
        shown |= {f"tables.table2.{i}": row for i, row in enumerate(self.tables.table2)}
        shown |= {f"leaderboard.rows.{i}": row for i, row in enumerate(board.rows)}
        shown |= {f"leaderboard.left_out.{i}": row for i, row in enumerate(board.left_out)}
        for key, row in shown.items():
            joined = row.dataset.split(JOIN)
            if len(joined) > 1 and (row.method in BASELINES or key.startswith("tables.table2")):
                raise ValueError(
                    f"{key}.dataset: '{row.dataset}' joins datasets, as networks alone may, in "
                    "table3 and the leaderboard; name one"
                )
            no_repeats(joined)
            for name in joined:
                if name not in names:
                    raise ValueError(
                        f"{key}.dataset: dataset '{name}' is not in snr.datasets "
                        f"({', '.join(names)})"
                    )
        return self

    def _check_find(self) -> None:
        """Raise ValueError if the tomograms to simulate are not those that a search needs."""
        if self.independent_tomograms < _FEWEST_INDEPENDENT:
            raise ValueError(
                f"independent_tomograms: {self.independent_tomograms}, but find needs at least "
                f"{_FEWEST_INDEPENDENT}, by which scores become probabilities"
            )


def load_config(*parts: PathLike | Mapping[str, Any]) -> Config:
    """Merge YAML files and mappings, later ones overriding earlier ones, and check the result.

    Raises ConfigError if a file is not readable, or the result is not a valid configuration.
    """
    config: dict[str, Any] = {}
    for part in parts:
        _update(config, part if isinstance(part, Mapping) else read_yaml(part))
    return check_config(config)


def _update(config: dict[str, Any], other: Mapping[str, Any]) -> None:
    """Merge a mapping into another, key by key; lists and values are replaced whole."""
    for key, value in other.items():
        if isinstance(value, dict) and isinstance(config.get(key), dict):
            _update(config[key], value)
        else:
            config[key] = deepcopy(value)


def check_config(config: Mapping[str, Any]) -> Config:
    """Validate a configuration. Raises ConfigError, one line that names the key at fault."""
    try:
        return Config.model_validate(config)
    except ValidationError as error:
        raise ConfigError(f"config: {one_line(error, Config)}") from None


def with_targets(config: Config, listed: Sequence[str]) -> list[str]:
    """Add the targets of a search, if there is one, to the IDs in the file structures.ids."""
    targets = config.find.targets if config.find else []
    return [*listed, *(target for target in targets if target not in listed)]


def check_ids(config: Config, pdb_ids: Sequence[str]) -> None:
    """Check the configuration against `pdb_ids`, those of `with_targets`.

    Raises ConfigError if the configuration names an ID that is not among the structures, or
    structures.per_tomogram is larger than their number.
    """
    structures, every = config.structures, [*pdb_ids, *config.structures.random_ids]
    for pdb_id in structures.random_ids:
        if pdb_id in pdb_ids:
            raise ConfigError(f"{structures.ids}: {pdb_id} is the ID of a random shape; rename it")
    per_tomogram = structures.per_tomogram or 1
    most = per_tomogram[-1] if isinstance(per_tomogram, list) else per_tomogram
    if most > len(every):
        raise ConfigError(
            f"config: structures.per_tomogram: {most} is more than the {len(every)} structures; "
            "lower it, or raise structures.random.count"
        )
    leave_out, averaging = config.tables.table3.leave_out, config.recovery.averaging
    reference = config.snr.reference_id
    named = {
        "snr.reference_id": [] if reference in (ANY_REFERENCE, BAND) else [reference],
        "structures.biological_ids": config.structures.biological_ids,
        "structures.maps": [row.id for row in config.structures.maps],
        "tables.table3.leave_out": [] if leave_out == "all" else leave_out,
        "figures.complex_id": [config.figures.complex_id],
        "figures.example_ids": config.figures.example_ids,
        "recovery.averaging.pdb_id": [] if averaging is None else [averaging.pdb_id],
    }
    for i, row in enumerate(config.leaderboard.left_out):
        key = f"leaderboard.left_out.{i}.leave_out"
        named[key] = [] if row.leave_out == "all" else row.leave_out
    for key, ids in named.items():
        for pdb_id in ids:
            of_files = key in _OF_FILES or key.endswith("leave_out")
            known = pdb_ids if of_files else every
            if pdb_id not in known:
                message = f"{pdb_id} is not in {structures.ids}; add it there"
                if structures.ids is None:
                    message = f"{pdb_id} is no structure, since structures.ids is null"
                    if not of_files:
                        message += f"; name a random shape ({every[0]} to {every[-1]})"
                raise ConfigError(f"config: {key}: {message}")
