"""Every fault of a configuration is one line that names the key, before anything runs."""

import copy
import re
import subprocess
import sys

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from sections import PAPER, changed
from small_workflow import REPOSITORY
from ssn3d.config.experiment import Config, check_config, check_ids, load_config
from ssn3d.core.errors import ConfigError
from ssn3d.experiment import runs
from ssn3d.microscope.settings import TAKEN_NAMES
from ssn3d.segmentation.networks.registry import NETWORKS

CONFIG = yaml.safe_load((REPOSITORY / "config.yaml").read_text())
FULL = load_config(REPOSITORY / "config.yaml", REPOSITORY / "realistic.yaml").model_dump()
SCHEMA = Config.model_json_schema()
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
PDB_ID = "is not a valid PDB ID (a digit, then three letters or digits)"
METHODS = str([*runs.METHODS])[1:-1]
MAP = {"id": "1KP8", "file": "map.mrc", "threshold": 0.1, "mass_dalton": None}
FAULTS = [
    ("specimen.particels", 10, "specimen: unknown key 'particels'; did you mean 'particles'?"),
    ("splits.1", 10, "splits: unknown key '1'; known are by, test_fraction, validation_fraction"),
    ("zzz", 1, f"top level: unknown key 'zzz'; known are {', '.join(CONFIG)}"),
    ("specimen.particles", "many", "'many' must be a valid integer or a valid list (number of par"),
    ("specimen", None, "None must be a mapping of keys to values"),
    ("seed", -1, "-1 must be greater than or equal to 0 (every random number derives from it)"),
    ("microscope.tilt.step_deg", 0, "0 must be greater than or equal to 0.01"),
    ("microscope.tilt.max_deg", -70.0, "-70 is not above min_deg"),
    ("microscope.tilt.max_deg", 90.0, "90 degrees are too steep for microscope.optics.defocus_acr"),
    ("microscope.optics.defocus_um", [5.0, 3.0], "the range [5.0, 3.0] does not rise; put the low"),
    ("microscope.optics.defocus_um", [5.0, "x"], "defocus_um.1: 'x' must be a valid number"),
    ("microscope.optics.defocus_um", [5.0], "[5.0] must be a valid number or have at least 2 it"),
    ("microscope.dose.order", "symmetric", "'symmetric' must be 'unidirectional', 'bidirectional'"),
    ("microscope.dose", 100.0, "100.0 must be a mapping of keys to values (exposure; without it,"),
    ("microscope.detector.mtf", "sync", "'sync' must be 'sinc' or 'none' or a mapping of keys"),
    ("microscope.detector.mtf.binning", 0.5, "0.5 must be greater than or equal to 1 (size of"),
    ("specimen.tomogram_size_voxels.z", 32, "32 is smaller than a subtomogram (subtomograms.size"),
    ("specimen.tomogram_size_voxels.y", 15, "15 must be greater than or equal to 16 (voxels)"),
    (
        "microscope.ice.thickness_angstrom",
        2e3,
        "is now specimen.ice.thickness_angstrom, since there",
    ),
    ("specimen.ice", None, "microscope.ice: needs the slab of ice; give specimen.ice"),
    ("specimen.ice.tilt_about_y_deg", [-8.0, 26.0], "86.01 degrees are too steep for microscope"),
    ("specimen.region_size_voxels.x", 500, "500 is smaller than the tomogram (600), which lies"),
    ("specimen.resolution_angstrom", 12.0, "12 is finer than two voxels of 10 angstrom"),
    ("structures.maps", [{"id": "1KP8"}], "structures.maps.0: 'file' is missing (MRC file)"),
    ("structures.maps", [MAP, MAP], "structures.maps.1.id: 1KP8 has a map already; keep one"),
    ("structures.maps", [MAP | {"threshold": 0.0}], "maps.0.threshold: 0.0 must be greater than 0"),
    ("structures.maps", [MAP | {"mass_dalton": 1}], "mass_dalton: 1 must be greater than or equal"),
    ("specimen.vesicles.radius_angstrom", 50.0, "50 is less than two bilayers (thickness_angstrom"),
    ("specimen.fiducials.size", 1, "specimen.fiducials: unknown key 'size'; known are count, diam"),
    ("structures.folder", 1, "1 must be a valid string (folder of coordinate files, for source"),
    ("structures.source", "folder", "structures.folder: source is 'folder', so name the folder"),
    ("structures.biological_ids", ["../x"], f"biological_ids.0: '../x' {PDB_ID}"),
    ("snr.reference_id", "GroEL", f"'GroEL' {PDB_ID}"),
    ("subtomograms.size_voxels", 41, "41 must be a multiple of 8 (edge of the cube)"),
    ("training.micro_batch_size", "x", "'x' must be 'auto' or a valid integer (a batch is accum"),
    ("training.micro_batch_size", 0, "0 must be 'auto' or greater than or equal to 1 (a batch"),
    ("tables.table2", [], "[] must have at least 1 item (at least one row)"),
    (
        "tables.table2.1",
        CONFIG["tables"]["table2"][0],
        "tables.table2: 'Xu & Alber' on 'A' is repeated; remove one",
    ),
    ("tables.table2.0.seeds", 2, "table2.0.seeds: 'Xu & Alber' is not trained; remove the key"),
    ("tables.table2.3.seeds", 0, "table2.3.seeds: 0 must be greater than or equal to 1 (trainings"),
    ("tables.table2.3.seeds", "3", "table2.3.seeds: '3' must be a valid integer (trainings that"),
    ("tables.table2.3.method", "SSN3D-DE", "'SSN3D-DE' is not a method; did you mean 'SSN3D-ED'?"),
    ("tables.table2.0.method", "unet", "'unet' is not a method; did you mean 'UNet'?"),
    ("tables.table3.method", "Xu-Alber", "is not a method; did you mean 'Xu & Alber'?"),
    ("tables.table3.method", "Mine", f"'Mine' is not a method; must be one of {METHODS}"),
    ("tables.table3.dataset", "Z", "dataset 'Z' is not in snr.datasets (A, B, C)"),
    ("tables.table3.leave_out", "some", "'some' must be 'all' or a valid list"),
    ("tables.table3.leave_out", ["1KP8", "x"], f"tables.table3.leave_out.1: 'x' {PDB_ID}"),
    ("recovery.picking.model", "unet-al", "'unet-al' is no file of weights (*.pt) and none of: "),
    ("recovery.picking.threshold", "low", "'low' must be 'auto' or a valid number (minimum prob"),
    ("recovery.averaging.symmetry", "I", "'I' is not a valid point group Cn or Dn"),
    ("figures.example_ids", ["1KP8", "1KP8"], "1KP8 is repeated; remove one"),
    *[
        ("structures.archive.urls", [url], f"structures.archive.urls.0: '{url}' is not an http(s)")
        for url in ("ftp://host/{id}.gz", "https://host/all", "https://host/{pdb}", "{id}", "{")
    ],
]


def replaced(path, value):
    """Copy the configuration, all options on, with the value at a path replaced."""
    config = copy.deepcopy(FULL)
    inner = config
    for part in path[:-1]:
        inner = inner[part]
    inner[path[-1]] = value
    return config


def fault_of(config):
    """Return the line that says what is wrong with a configuration."""
    with pytest.raises(ConfigError) as caught:
        check_config(config)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def dotted(path):
    return ".".join(map(str, path))


def followed(schema):
    """Follow a schema's reference."""
    return SCHEMA["$defs"][schema["$ref"].split("/")[-1]] if "$ref" in schema else schema


def properties(schema, config, path=()):
    """Yield path and schemas of every key and first item: one, or those of its alternatives."""
    schema = followed(schema)
    alternatives = [followed(each) for each in schema.get("anyOf", [schema])]
    yield path, alternatives
    for alternative in alternatives:
        for key, inner in alternative.get("properties", {}).items():
            if "default" not in inner:
                yield from properties(inner, config[key], (*path, key))
        if "items" in alternative and isinstance(config, list) and config:
            yield from properties(alternative["items"], config[0], (*path, 0))


PROPERTIES = dict(properties(SCHEMA, FULL))
del PROPERTIES[()]


def wrong_values(alternatives):
    """Yield values that are of the wrong type or out of range for all alternatives of a key."""
    wrong = [WRONG_TYPES[each["type"]] for each in alternatives if each["type"] != "null"]
    if len(wrong) < len(alternatives):  # None is right
        wrong.append([value for value in wrong[0] if value is not None])
    yield from (v for v in wrong[0] if all(repr(v) in map(repr, others) for others in wrong))
    for each in alternatives:
        yield from (beyond(each[key]) for key, beyond in BEYOND.items() if key in each)


def test_the_configurations_are_valid(monkeypatch):
    monkeypatch.chdir(REPOSITORY)
    paper = load_config("config.yaml")
    assert paper.model_dump(exclude_unset=True) == CONFIG
    demo = load_config("config.yaml", "demo.yaml")
    assert (demo.structures.source, demo.seed) == ("surrogate", paper.seed)
    assert load_config("config.yaml", "own.yaml").recovery.sheet == "tomograms.tsv"
    cpu = load_config("config.yaml", "cpu.yaml")
    assert {key for key in CONFIG if getattr(cpu, key) != getattr(paper, key)} == {"training"}


@pytest.mark.parametrize(("key", "value", "message"), FAULTS)
def test_a_fault_says_what_is_wrong_and_what_would_be_right(key, value, message):
    path = [int(part) if part.isdigit() else part for part in key.split(".")]
    assert message in fault_of(replaced(path, value))


@pytest.mark.parametrize("path", PROPERTIES, ids=dotted)
def test_wrong_types_and_ranges_name_the_key(path):
    wrong = list(wrong_values(PROPERTIES[path]))
    assert wrong
    assert all("minimum" in each for each in PROPERTIES[path] if each["type"] == "integer")
    for value in wrong:
        message = fault_of(replaced(path, value))
        assert message.startswith(f"config: {dotted(path)}"), (value, message)


@pytest.mark.parametrize("path", [path for path in PROPERTIES if path[-1] != 0], ids=dotted)
def test_a_missing_key_and_an_unknown_one_are_named(path):
    unknown = replaced((*path[:-1], "nonsense"), 1)
    where = dotted(path[:-1]) or "top level"
    assert fault_of(unknown).startswith(f"config: {where}: unknown key 'nonsense'; ")
    section = missing = copy.deepcopy(FULL)
    for part in path[:-1]:
        section = section[part]
    del section[path[-1]]
    assert fault_of(missing).startswith(f"config: {where}: '{path[-1]}' is missing")


@settings(max_examples=60)
@given(
    path=st.sampled_from(sorted(PROPERTIES, key=dotted)),
    value=st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.integers())
    ),
)
def test_any_value_is_valid_or_one_line_that_names_the_section(path, value):
    message = ""
    try:
        check_config(replaced(path, value))
    except ConfigError as error:
        message = str(error)
    assert "\n" not in message
    assert not message or path[0] in message


def test_seeds_are_repeats_of_a_training_on_the_same_split():
    config = changed(PAPER, tables={"table2": [{"method": "UNet", "dataset": "B", "seeds": 3}]})
    splits = [run.split for run in config.tables.runs(["1KP8"])]
    assert splits == ["random", "random_seed2", "random_seed3", "without_1KP8"]


def test_the_methods_known_are_those_there_are():
    assert tuple(NETWORKS) == runs.NETWORKS


def test_names_of_other_files_are_refused_to_datasets():
    rules = "".join(path.read_text() for path in (REPOSITORY / "workflow/rules").glob("*.smk"))
    files = r"results/(?:tomograms/\{\w+\}|subtomograms)/(\w+)\.\w+\""
    names = set(re.findall(files, rules))  # up to a dot, in the folders of datasets' files
    assert {"signal", "tilts", "particles"} <= names <= TAKEN_NAMES
    for name in [*TAKEN_NAMES, "Signal", "TILTS"]:
        message = fault_of(replaced(("snr", "datasets", 1, "name"), name))
        assert message.startswith(f"config: snr.datasets.1.name: '{name}' is the name of another")


@given(name=st.from_regex(r"[A-Za-z0-9]{1,16}", fullmatch=True))
def test_names_that_differ_in_case_alone_are_refused(name):
    config = replaced(("snr", "datasets", 0, "name"), name.lower())
    config["snr"]["datasets"][2]["name"] = name.upper()
    assert re.match(r"config: snr\.datasets\.\d\.name: '", fault_of(config))


def tilts(min_deg, max_deg, step_deg):
    """Copy the configuration with other tilts."""
    tilt = {"min_deg": min_deg, "max_deg": max_deg, "step_deg": step_deg}
    return replaced(("microscope", "tilt"), tilt)


def test_a_step_that_misses_the_last_tilt_is_refused_with_steps_that_do_not():
    message = fault_of(tilts(-60.0, 60.0, 7.0))
    assert re.search(r"tilt\.step_deg: steps of 7 .* be 59", message)
    steps = re.search(r"use steps of (\S+) or (\S+),", message).groups()
    assert [float(step) for step in steps] == pytest.approx([120 / 18, 120 / 17])
    for step in steps:
        check_config(tilts(-60.0, 60.0, float(step)))
    assert "last tilt would be -10; use steps of 20, or" in fault_of(tilts(-10, 10, 30))


@pytest.mark.parametrize(
    ("step", "steps"), [(0.01, 7), (0.1, 1200), (0.3, 400), (0.7, 171), (1.1, 101), (3, 40)]
)
def test_rounding_does_not_refuse_a_step(step, steps):
    config = check_config(tilts(-60.0, -60.0 + sum([step] * steps), step))
    assert len(config.microscope.tilt.angles_deg) == steps + 1


def test_ids_must_be_among_the_structures():
    with pytest.raises(ConfigError, match=r"snr\.reference_id: 1KP8 is not in resources"):
        check_ids(PAPER, ["2GLS", "2AWB", "1W6T"])


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
