"""Every fault of a configuration is one line that names the key, before anything runs."""

import copy
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ssn3d import runs
from ssn3d.config import TAKEN_NAMES, check_config, check_ids, load_config
from ssn3d.errors import ConfigError
from ssn3d.microscope.detector import Camera
from ssn3d.microscope.steps import microscope_settings
from ssn3d.segmentation.networks import NETWORKS

REPOSITORY = Path(__file__).resolve().parents[2]
CONFIG = yaml.safe_load((REPOSITORY / "config.yaml").read_text())
SCHEMA = yaml.safe_load((REPOSITORY / "src" / "ssn3d" / "config_schema.yaml").read_text())
WRONG_TYPES = {
    "integer": ["many", 1.5, 10.0, True, None, [1], {"a": 1}],
    "number": ["many", True, None, [1.0], {"a": 1}, float("nan"), float("inf"), -float("inf")],
    "string": [1, 1.5, True, [], {}],
    "boolean": ["yes", 1, None],
    "array": ["A", 1, None, {}],
    "object": ["A", 1, None, []],
}
BEYOND = {
    "minimum": lambda bound: bound - 1,
    "maximum": lambda bound: bound + 1,
    "exclusiveMinimum": lambda bound: bound,
    "exclusiveMaximum": lambda bound: bound,
    "multipleOf": lambda factor: 4 * factor + 1,
    "minLength": lambda length: (length - 1) * "x",
    "minItems": lambda _: [],
    "maxItems": lambda length: [f"{i + 1}ABC" for i in range(length + 1)],
    "enum": lambda _: "another",
    "uniqueItems": lambda _: ["1KP8", "1KP8"],
    "pattern": lambda _: "../x",
}
FAULTS = {
    "specimen.particels": (10, "unknown key 'particels'; did you mean 'particles'?"),
    "specimen.particles": ("many", "specimen.particles: 'many' is not of type 'integer'"),
    "microscope.tilt.step_deg": (0, "microscope.tilt.step_deg: 0 is less than the minimum"),
    "microscope.tilt.max_deg": (-70.0, "microscope.tilt.max_deg: -70 is not above min_deg"),
    "specimen.tomogram_size_voxels.z": (32, "z: 32 is smaller than a subtomogram"),
    "specimen.region_size_voxels.x": (500, "region_size_voxels.x: 500 is smaller than"),
    "specimen.resolution_angstrom": (12.0, "resolution_angstrom: 12 is finer than two voxels"),
    "snr.reference_id": ("GroEL", "snr.reference_id: 'GroEL' is not a PDB identifier"),
    "structures.source": ("folder", "structures.folder: source is 'folder'"),
    "structures.biological_ids": (["../x"], "'../x' is not a PDB identifier"),
    "tables.table3.dataset": ("Z", "dataset 'Z' is not in snr.datasets (A, B, C)"),
    "tables.table2": ([], "tables.table2: [] should be non-empty (at least one row)"),
    "specimen.tomogram_size_voxels.y": (24, "voxels.y: 24 is less than the minimum of 25 (voxels"),
    "subtomograms.size_voxels": (41, "subtomograms.size_voxels: 41 is not a multiple of 8"),
}


def with_value(key, value):
    """Copy the configuration with one dotted key set."""
    config = copy.deepcopy(CONFIG)
    *parents, last = key.split(".")
    section = config
    for parent in parents:
        section = section[parent]
    section[last] = value
    return config


def leaves(section, path=()):
    """Yield dotted keys of all values that are no mappings."""
    for key, value in section.items():
        if isinstance(value, dict):
            yield from leaves(value, (*path, key))
        else:
            yield ".".join((*path, key))


def test_the_configurations_are_valid(monkeypatch):
    monkeypatch.chdir(REPOSITORY)
    assert load_config("config.yaml") == CONFIG
    demo = load_config("config.yaml", "demo.yaml")
    assert demo["structures"]["source"] == "surrogate"
    assert demo["seed"] == CONFIG["seed"]
    cpu = load_config("config.yaml", "cpu.yaml")
    assert {key for key in CONFIG if cpu[key] != CONFIG[key]} == {"training"}


@pytest.mark.parametrize(("key", "fault"), FAULTS.items())
def test_a_fault_names_its_key(key, fault):
    value, message = fault
    with pytest.raises(ConfigError) as caught:
        check_config(with_value(key, value))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("method", "hint"),
    [
        ("SSN3D-DE", "did you mean 'SSN3D-ED'?"),
        ("unet", "did you mean 'UNet'?"),
        ("Xu-Alber", "did you mean 'Xu & Alber'?"),
        (
            "Mine",
            f"must be one of {str(list(runs.METHODS))[1:-1]}",
        ),
    ],
)
@pytest.mark.parametrize("table", ["table2", "table3"])
def test_a_misspelt_method_is_named_with_a_hint(table, method, hint):
    path = ("tables", "table2", 3, "method") if table == "table2" else ("tables", table, "method")
    with pytest.raises(ConfigError) as caught:
        check_config(replaced(path, method))
    where = ".".join(map(str, path))
    assert str(caught.value) == f"config: {where}: '{method}' is not a method; {hint}"


def test_the_methods_known_are_those_there_are():
    assert tuple(NETWORKS) == runs.NETWORKS


def files_of_tomograms_and_datasets():
    """Give the names of files, up to a dot, in the folders of datasets' files, from the rules."""
    rules = "".join(path.read_text() for path in (REPOSITORY / "workflow/rules").glob("*.smk"))
    return set(re.findall(r"results/(?:tomograms/\{\w+\}|subtomograms)/(\w+)\.\w+\"", rules))


def test_names_of_other_files_are_refused_to_datasets():
    names = files_of_tomograms_and_datasets()
    assert {"signal", "tilts", "selection"} <= names <= TAKEN_NAMES
    for name in [*TAKEN_NAMES, "Signal", "TILTS"]:
        with pytest.raises(ConfigError, match=rf"datasets\.1\.name: '{name}' is the name of an"):
            check_config(replaced(("snr", "datasets", 1, "name"), name))


@given(name=st.from_regex(r"[A-Za-z0-9]{1,16}", fullmatch=True))
def test_names_that_differ_in_case_alone_are_refused(name):
    config = replaced(("snr", "datasets", 0, "name"), name.lower())
    config["snr"]["datasets"][2]["name"] = name.upper()
    with pytest.raises(ConfigError, match=r"snr\.datasets\.\d\.name: '"):
        check_config(config)


def test_the_smallest_image_is_what_the_ctf_can_mirror():
    least = SCHEMA["$defs"]["size"]["properties"]["x"]["minimum"]
    images = np.random.default_rng(0).normal(size=(3, least, least)).astype(np.float32)
    settings_ = microscope_settings(CONFIG["microscope"])
    camera = Camera(settings_.optics, settings_.detector, 10.0, torch.device("cpu"))
    assert np.isfinite(camera.image(images)).all()
    with pytest.raises(RuntimeError):
        camera.image(np.ascontiguousarray(images[:, 1:]))


def tilts(min_deg, max_deg, step_deg):
    """Copy the configuration with other tilts."""
    tilt = {"min_deg": min_deg, "max_deg": max_deg, "step_deg": step_deg}
    return with_value("microscope.tilt", tilt)


def test_a_step_that_misses_the_last_tilt_is_refused_with_steps_that_do_not():
    with pytest.raises(ConfigError, match=r"tilt\.step_deg: steps of 7 .* be 59") as caught:
        check_config(tilts(-60.0, 60.0, 7.0))
    steps = re.search(r"use steps of (\S+) or (\S+),", str(caught.value)).groups()
    assert [float(step) for step in steps] == pytest.approx([120 / 18, 120 / 17])
    for step in steps:
        check_config(tilts(-60.0, 60.0, float(step)))
    with pytest.raises(ConfigError, match="last tilt would be -10; use steps of 20, or"):
        check_config(tilts(-10, 10, 30))


@pytest.mark.parametrize(
    ("step", "steps"), [(0.01, 7), (0.1, 1200), (0.3, 400), (0.7, 171), (1.1, 101), (3, 40)]
)
def test_rounding_does_not_refuse_a_step(step, steps):
    check_config(tilts(-60.0, -60.0 + sum([step] * steps), step))


@settings(max_examples=60, deadline=None)
@given(
    key=st.sampled_from(sorted(leaves(CONFIG))),
    value=st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.integers())
    ),
)
def test_any_value_is_valid_or_one_line_that_names_the_key(key, value):
    message = ""
    try:
        check_config(with_value(key, value))
    except ConfigError as error:
        message = str(error)
    assert "\n" not in message
    assert not message or key.split(".")[0] in message


def properties(schema, config, path=()):
    """Yield path and schema of every property there is in a configuration, lists looked into."""
    while "$ref" in schema:
        schema = SCHEMA["$defs"][schema["$ref"].split("/")[-1]]
    if path:
        yield path, schema
    for key, inner in schema.get("properties", {}).items():
        yield from properties(inner, config[key], (*path, key))
    if "items" in schema and config:
        yield from properties(schema["items"], config[0], (*path, 0))


PROPERTIES = dict(properties(SCHEMA, CONFIG))


def replaced(path, value):
    """Copy the configuration with the value at a path replaced."""
    config = copy.deepcopy(CONFIG)
    section = config
    for part in path[:-1]:
        section = section[part]
    section[path[-1]] = value
    return config


def wrong_values(schema):
    """Yield values that are of the wrong type or out of range."""
    types = schema.get("type", [])
    for name in [types] if isinstance(types, str) else types:
        yield from (v for v in WRONG_TYPES.get(name, []) if not (v is None and "null" in types))
    for key, beyond in BEYOND.items():
        if key in schema:
            yield beyond(schema[key])
    if "anyOf" in schema:
        yield from ["another", None, {}, 1.5, -1]


def test_the_schema_knows_the_keys_of_the_configuration():
    assert {part for path in PROPERTIES for part in path if part != 0} >= set(keys(CONFIG))
    for path, schema in PROPERTIES.items():
        assert list(wrong_values(schema)) or path == ("tables", "table2", 0, "dataset"), path
        if schema.get("type") == "integer":
            assert "minimum" in schema, path


def keys(section):
    """Yield all keys of nested mappings and lists."""
    for key, value in section.items() if isinstance(section, dict) else enumerate(section):
        if isinstance(key, str):
            yield key
        if isinstance(value, (dict, list)):
            yield from keys(value)


@pytest.mark.parametrize("path", PROPERTIES, ids=lambda path: ".".join(map(str, path)))
def test_wrong_types_and_ranges_name_the_key(path):
    for value in wrong_values(PROPERTIES[path]):
        with pytest.raises(ConfigError) as caught:
            check_config(replaced(path, value))
        message = str(caught.value)
        assert "\n" not in message
        assert message.startswith(f"config: {'.'.join(map(str, path))}"), (value, message)


@pytest.mark.parametrize(
    "path", [p for p in PROPERTIES if p[-1] != 0], ids=lambda path: ".".join(map(str, path))
)
def test_a_missing_key_is_named(path):
    config = copy.deepcopy(CONFIG)
    section = config
    for part in path[:-1]:
        section = section[part]
    del section[path[-1]]
    where = ".".join(map(str, path[:-1])) or "top level"
    with pytest.raises(ConfigError, match=f"{where}: '{path[-1]}' is a required property"):
        check_config(config)


def test_ids_must_be_among_the_structures():
    with pytest.raises(ConfigError, match=r"snr\.reference_id: 1KP8 is not in resources"):
        check_ids(CONFIG, ["2GLS", "2AWB", "1W6T"])


def test_unreadable_files_are_one_line(tmp_path):
    for content in ("a: [", "- 1", "\x00"):
        (tmp_path / "c.yaml").write_text(content)
        with pytest.raises(ConfigError, match=r"c\.yaml") as caught:
            load_config(tmp_path / "c.yaml")
        assert "\n" not in str(caught.value)
    with pytest.raises(ConfigError, match=r"none\.yaml"):
        load_config(tmp_path / "none.yaml")


@pytest.mark.slow
def test_snakemake_shows_the_line_and_runs_nothing(tmp_path):
    (tmp_path / "c.yaml").write_text("specimen: {particels: 10}\n")
    command = [sys.executable, "-m", "snakemake", "-n", "--configfile", tmp_path / "c.yaml"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "did you mean 'particles'?" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
