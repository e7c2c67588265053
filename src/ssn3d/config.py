"""The configuration: read safely, checked against its schema and for sense, faults as one line."""

import difflib
import functools
import os
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from math import isfinite
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from ssn3d.errors import ConfigError
from ssn3d.runs import METHODS
from ssn3d.tilts import tilt_angles_deg

_SCHEMA = "config_schema.yaml"
TAKEN_NAMES = frozenset(
    {"density", "labels", "particles", "selection", "signal", "specimen", "tilts"}
)
"""Names of files beside which a dataset's files stand."""


def _is_number(_: jsonschema.TypeChecker, value: object) -> bool:
    """Whether a value is a number, which NaN and infinity are not, though JSON Schema lets them."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and isfinite(value)


def _is_integer(_: jsonschema.TypeChecker, value: object) -> bool:
    """Whether a value is a whole number as Python means it: 10.0 counts nothing."""
    return isinstance(value, int) and not isinstance(value, bool)


_TYPES = jsonschema.Draft202012Validator.TYPE_CHECKER.redefine_many(
    {"number": _is_number, "integer": _is_integer}
)
_Validator = jsonschema.validators.extend(jsonschema.Draft202012Validator, type_checker=_TYPES)


def load_config(*paths: str | os.PathLike[str]) -> dict[str, Any]:
    """Read YAML files, later ones over earlier ones, and check the result.

    Raises ConfigError where a file is not readable, or the result is not a valid configuration.
    """
    config: dict[str, Any] = {}
    for path in paths:
        try:
            content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
            problem = " ".join(str(error).split())
            raise ConfigError(f"{path}: not a readable YAML file ({problem})") from error
        if not isinstance(content, dict):
            raise ConfigError(f"{path}: not a mapping of keys to values")
        _update(config, content)
    check_config(config)
    return config


def _update(config: dict[str, Any], other: Mapping[str, Any]) -> None:
    """Lay one mapping over another, key by key; lists and values are replaced whole."""
    for key, value in other.items():
        if isinstance(value, dict) and isinstance(config.get(key), dict):
            _update(config[key], value)
        else:
            config[key] = value


@functools.cache
def _schema() -> Any:
    """Read what a configuration may hold."""
    return yaml.safe_load(resources.files("ssn3d").joinpath(_SCHEMA).read_text(encoding="utf-8"))


def check_config(config: Mapping[str, Any]) -> None:
    """Raise ConfigError, one line that names the key, unless the configuration is valid."""
    faults = _Validator(_schema()).iter_errors(config)
    fault = jsonschema.exceptions.best_match(faults)
    if fault is not None:
        raise ConfigError(_one_line(fault))
    for message in _contradictions(config):
        raise ConfigError(f"config: {message}")


def _one_line(fault: jsonschema.ValidationError) -> str:
    """Say what is wrong with which key, and what would be right."""
    where = ".".join(str(part) for part in fault.absolute_path) or "top level"
    if fault.validator == "additionalProperties":
        known = list(fault.schema["properties"])
        unknown = sorted(set(fault.instance) - set(known), key=str)
        near = difflib.get_close_matches(str(unknown[0]), known, n=1, cutoff=0.5)
        hint = f"did you mean '{near[0]}'?" if near else f"known are {', '.join(known)}"
        return f"config: {where}: unknown key '{unknown[0]}'; {hint}"
    if fault.validator == "pattern":
        expected = fault.schema.get("description", f"text like {fault.validator_value}")
        return f"config: {where}: {fault.instance!r} is not a {expected}"
    message = fault.message.replace("\n", " ")
    described = fault.schema.get("description")
    return f"config: {where}: {message}" + (f" ({described})" if described else "")


def check_ids(config: Mapping[str, Any], pdb_ids: Sequence[str]) -> None:
    """Raise ConfigError where the configuration names an ID that is not among the structures."""
    ids_file = config["structures"]["ids"]
    leave_out = config["tables"]["table3"]["leave_out"]
    named = {
        "snr.reference_id": [config["snr"]["reference_id"]],
        "structures.biological_ids": config["structures"]["biological_ids"],
        "tables.table3.leave_out": [] if leave_out == "all" else leave_out,
        "figures.complex_id": [config["figures"]["complex_id"]],
        "figures.example_ids": config["figures"]["example_ids"],
    }
    for key, ids in named.items():
        for pdb_id in ids:
            if pdb_id not in pdb_ids:
                raise ConfigError(f"config: {key}: {pdb_id} is not in {ids_file}; add it there")


def _contradictions(config: Mapping[str, Any]) -> Iterator[str]:
    """Yield what no schema can say: values that do not go together."""
    yield from _size_contradictions(config)
    tilt = config["microscope"]["tilt"]
    if tilt["min_deg"] >= tilt["max_deg"]:
        yield f"microscope.tilt.max_deg: {tilt['max_deg']:g} is not above min_deg"
    try:
        tilt_angles_deg(**tilt)
    except ValueError as error:
        yield f"microscope.tilt.step_deg: {error}"
    structures = config["structures"]
    if structures["source"] == "folder" and structures["folder"] is None:
        yield "structures.folder: source is 'folder', so name the folder of coordinate files"
    yield from _dataset_contradictions(config["snr"]["datasets"])
    yield from _table_contradictions(config)


def _dataset_contradictions(datasets: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield names of datasets that would overwrite files: some file systems ignore case."""
    seen: dict[str, str] = {}
    for place, dataset in enumerate(datasets):
        key, name = f"snr.datasets.{place}.name", dataset["name"]
        if name.casefold() in TAKEN_NAMES:
            yield f"{key}: '{name}' is the name of another file of a tomogram; choose another"
        if name.casefold() in seen:
            other = seen[name.casefold()]
            yield f"{key}: '{name}' and '{other}' name the same files where case does not count"
        seen[name.casefold()] = name


def _table_contradictions(config: Mapping[str, Any]) -> Iterator[str]:
    """Yield rows of tables that name a method or a dataset that is not there."""
    names = [dataset["name"] for dataset in config["snr"]["datasets"]]
    tables = config["tables"]
    rows = {f"table2.{place}": row for place, row in enumerate(tables["table2"])}
    for key, row in (rows | {"table3": tables["table3"]}).items():
        if row["dataset"] not in names:
            yield (
                f"tables.{key}.dataset: dataset '{row['dataset']}' is not in snr.datasets "
                f"({', '.join(names)})"
            )
        if row["method"] not in METHODS:
            near = difflib.get_close_matches(row["method"], METHODS, n=1, cutoff=0.5)
            known = ", ".join(f"'{method}'" for method in METHODS)
            hint = f"did you mean '{near[0]}'?" if near else f"must be one of {known}"
            yield f"tables.{key}.method: '{row['method']}' is not a method; {hint}"


def _size_contradictions(config: Mapping[str, Any]) -> Iterator[str]:
    """Yield sizes that do not fit into one another."""
    specimen, size = config["specimen"], config["subtomograms"]["size_voxels"]
    for axis, voxels in specimen["tomogram_size_voxels"].items():
        if voxels < size:
            yield (
                f"specimen.tomogram_size_voxels.{axis}: {voxels} is smaller than a subtomogram "
                f"(subtomograms.size_voxels: {size}); make the tomogram larger"
            )
        region = specimen["region_size_voxels"][axis]
        if voxels > region:
            yield (
                f"specimen.region_size_voxels.{axis}: {region} is smaller than the tomogram "
                f"({voxels}), which lies in it; make the region larger"
            )
    if specimen["resolution_angstrom"] < 2 * specimen["voxel_size_angstrom"]:
        yield (
            f"specimen.resolution_angstrom: {specimen['resolution_angstrom']:g} is finer than two "
            f"voxels of {specimen['voxel_size_angstrom']:g} angstrom"
        )
