"""Invalid configurations give a one-line error that names the key, before anything runs."""

import copy
import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from sections import PAPER, changed, preset
from small_workflow import REPOSITORY, fault_of_snakemake
from ssn3d.config.experiment import Config, check_config, check_ids, load_config
from ssn3d.core.errors import ConfigError
from ssn3d.experiment import runs
from ssn3d.microscope.settings import TAKEN_NAMES
from ssn3d.segmentation.networks.registry import NETWORKS

CONFIG = yaml.safe_load((REPOSITORY / "config.yaml").read_text())
VARIED = preset("varied")
FULL = preset("realistic").model_dump()
FULL["independent_tomograms"] = 2
FULL["find"] = {"tomograms": "mine.tsv", "targets": ["1KP8"], "false_discovery_rate": 0.1}
FULL["structures"] = VARIED.structures.model_dump()
FULL["microscope"] |= VARIED.microscope.model_dump(exclude={"detector", "ice"})
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
METHODS = ", ".join(map(repr, runs.METHODS))
MAP = {"id": "1KP8", "file": "map.mrc", "threshold": 0.1, "mass_dalton": None}
ROW = CONFIG["tables"]["table2"][0]
FAULTS = [  # key, value, message; `test_wrong_types_and_ranges` has all others
    ("specimen.particels", 10, "specimen: .*'particels'.*'particles'"),
    ("splits.1", 10, "splits: .*'1'.* by, test_fraction, validation_fraction"),
    ("zzz", 1, f"'zzz'.* {', '.join(CONFIG)}"),
    ("specimen.fiducials.size", 1, "specimen.fiducials: .*'size'.* count, diameter_angstrom"),
    ("microscope.tilt.max_deg", -70.0, "max_deg: -70 .*min_deg"),
    ("microscope.tilt.max_deg", 90.0, "microscope.tilt: 90 "),
    ("microscope.tilt.max_deg", [-50.0, 50.0], "max_deg: -50 .*min_deg"),
    ("microscope.tilt.step_deg", [1.0, 85.0], "step_deg: 85 .*max_deg, 38"),
    ("microscope.dose", None, "reconstruction.dose_weighting: .*dose"),
    ("microscope.reconstruction.filter", "sirt", "filter: 'sirt' .*sirt_like"),
    ("specimen.ice.tilt_about_y_deg", [-8.0, 21.0], "86.01 degrees"),
    ("microscope.optics.defocus_um", [5.0, 3.0], r"defocus_um: .*\[5.0, 3.0\]"),
    ("microscope.optics.defocus_um", [5.0, "x"], "defocus_um.1: 'x' "),
    ("microscope.dose", 100.0, "microscope.dose: 100.0 .*exposure"),
    ("microscope.dose.order", "symmetric", "'symmetric' .*'dose-symmetric'"),
    ("microscope.detector.mtf", "sync", "mtf: 'sync' .*'sinc'"),
    ("specimen.ice", None, "microscope.ice: .*specimen.ice"),
    ("specimen.tomogram_size_voxels.z", 32, "z: 32 .*subtomogram"),
    ("specimen.region_size_voxels.x", 500, "x: 500 .*tomogram .600"),
    ("specimen.resolution_angstrom", 12.0, "resolution_angstrom: 12 .*10 angstrom"),
    ("specimen.vesicles.radius_angstrom", 50.0, "radius_angstrom: 50 .*thickness_angstrom"),
    ("structures.maps", [{"id": "1KP8"}], "structures.maps.0: 'file' "),
    ("structures.maps", [MAP, MAP], "structures.maps.1.id: 1KP8 "),
    ("structures.maps", [MAP | {"threshold": 0.0}], "maps.0.threshold: 0.0 "),
    ("structures.maps", [MAP | {"mass_dalton": 1}], "mass_dalton: 1 "),
    ("structures.source", "folder", "structures.folder: .*'folder'"),
    ("structures.random.count", 901, "random.count: 901 .*900"),
    ("structures.random.mass_dalton", [1e6, 1e5], "mass_dalton: .*does not rise"),
    ("structures.random.mass_dalton", 10.0, "mass_dalton: 10.0 .*5000"),
    ("structures.biological_ids", ["../x"], r"biological_ids.0: '\.\./x' .*PDB ID"),
    ("snr.reference_id", "GroEL", "reference_id: 'GroEL' .*PDB ID"),
    ("subtomograms.size_voxels", 41, "size_voxels: 41 .*multiple of 8"),
    ("tables.table2.1", ROW, "tables.table2: 'Xu & Alber' on 'A' "),
    ("tables.table2.0.seeds", 2, "table2.0.seeds: 'Xu & Alber' "),
    ("tables.table2.3.seeds", 0, "table2.3.seeds: 0 "),
    ("tables.table2.3.method", "SSN3D-DE", "'SSN3D-DE' .*'SSN3D-ED'"),
    ("tables.table2.0.method", "unet", "'unet' .*'UNet'"),
    ("tables.table3.method", "Mine", f"'Mine' .*{METHODS}"),
    ("tables.table3.dataset", "Z", r"'Z' .*snr.datasets \(A, B, C\)"),
    ("tables.table3.leave_out", ["1KP8", "x"], "tables.table3.leave_out.1: 'x' "),
    ("find.targets", ["1KP8", "1kp8"], "find.targets.*: 1KP8 is repeated"),
    ("find.targets", ["1KP8", "ribosome"], "find.targets.1: 'ribosome' .*PDB ID"),
    ("independent_tomograms", 1, "independent_tomograms: 1, .*at least 2"),
    ("recovery.picking.model", "unet-al", r"'unet-al' .*\*.pt"),
    ("recovery.picking.threshold", 4.0, "recovery.picking.threshold: 4 is no probability"),
    ("recovery.averaging.symmetry", "I", "symmetry: 'I' .*Cn or Dn"),
    ("figures.example_ids", ["1KP8", "1KP8"], "example_ids.*: 1KP8 "),
    *[
        ("structures.archive.urls", [url], rf"structures.archive.urls.0: '{re.escape(url)}' .*http")
        for url in ("ftp://host/{id}.gz", "https://host/all", "https://host/{pdb}", "{id}", "{")
    ],
]


def replaced(path, value):
    """Configuration with all options on and one value replaced."""
    config = copy.deepcopy(FULL)
    inner = config
    for part in path[:-1]:
        inner = inner[part]
    inner[path[-1]] = value
    return config


def fault_of(config):
    """Message of the error that a configuration raises."""
    with pytest.raises(ConfigError) as caught:
        check_config(config)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def dotted(path):
    return ".".join(map(str, path))


def followed(schema):
    """Schema that a reference points to."""
    return SCHEMA["$defs"][schema["$ref"].split("/")[-1]] if "$ref" in schema else schema


def properties(schema, config, path=()):
    """Yield the path of every key and first item with its alternative schemas."""
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
SECTIONS = {
    key: [path for path in PROPERTIES if path[0] == key] for key in [path[0] for path in PROPERTIES]
}


def wrong_values(alternatives):
    """Yield values of the wrong type or out of range for all alternatives of a key."""
    wrong = [WRONG_TYPES[each["type"]] for each in alternatives if each["type"] != "null"]
    if len(wrong) < len(alternatives):  # None is right
        wrong.append([value for value in wrong[0] if value is not None])
    yield from (v for v in wrong[0] if all(repr(v) in map(repr, others) for others in wrong))
    for each in alternatives:
        yield from (beyond(each[key]) for key, beyond in BEYOND.items() if key in each)


def test_presets_are_valid(monkeypatch):
    monkeypatch.chdir(REPOSITORY)
    paper = load_config("config.yaml")
    assert paper.model_dump(exclude_unset=True) == CONFIG
    presets = {
        path.stem: load_config("config.yaml", path)
        for path in Path("config").glob("*.yaml")
        if not path.stem.startswith("find")  # these come after varied.yaml
    }
    assert set(presets) == {*("cpu", "demo", "models", "own", "realistic", "varied")}
    for name, made in presets.items():
        section = {"cpu": "training", "own": "recovery"}.get(name)
        differing = {key for key in CONFIG if getattr(made, key) != getattr(paper, key)}
        assert differing == {section} if section else differing


@pytest.mark.parametrize(("key", "value", "message"), FAULTS)
def test_faults_name_key_and_remedy(key, value, message):
    path = [int(part) if part.isdigit() else part for part in key.split(".")]
    assert re.search(message, fault_of(replaced(path, value)))


@pytest.mark.parametrize("paths", SECTIONS.values(), ids=SECTIONS)
def test_wrong_types_and_ranges(paths):
    for path in paths:
        wrong = list(wrong_values(PROPERTIES[path]))
        assert wrong, path
        assert all("minimum" in each for each in PROPERTIES[path] if each["type"] == "integer")
        for value in wrong:
            message = fault_of(replaced(path, value))
            assert message.startswith(f"config: {dotted(path)}"), (value, message)


@pytest.mark.parametrize("paths", SECTIONS.values(), ids=SECTIONS)
def test_missing_and_unknown_keys(paths):
    for path in (path for path in paths if path[-1] != 0):
        where = dotted(path[:-1]) or "top level"
        section = missing = copy.deepcopy(FULL)
        for part in path[:-1]:
            section = section[part]
        del section[path[-1]]
        assert re.match(rf"config: {re.escape(where)}: '{path[-1]}' ", fault_of(missing))
        unknown = replaced((*path[:-1], "nonsense"), 1)
        assert re.match(rf"config: {re.escape(where)}: .*'nonsense'", fault_of(unknown))


@settings(max_examples=60)
@given(
    path=st.sampled_from(sorted(PROPERTIES, key=dotted)),
    value=st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.integers())
    ),
)
def test_any_value_is_valid_or_named(path, value):
    message = ""
    try:
        check_config(replaced(path, value))
    except ConfigError as error:
        message = str(error)
    assert "\n" not in message
    assert not message or path[0] in message


def test_seeds_repeat_the_split():
    config = changed(PAPER, tables={"table2": [{"method": "UNet", "dataset": "B", "seeds": 3}]})
    splits = [run.split for run in config.tables.runs(["1KP8"])]
    assert splits == ["random", "random_seed2", "random_seed3", "without_1KP8"]


def test_networks_are_registered():
    assert tuple(NETWORKS) == runs.NETWORKS


def test_dataset_names_of_other_files():
    rules = "".join(path.read_text() for path in (REPOSITORY / "workflow/rules").glob("*.smk"))
    files = r"results/(?:tomograms/\{\w+\}|subtomograms)/(\w+)\.\w+\""
    names = set(re.findall(files, rules))
    assert {"signal", "tilts", "particles"} <= names <= TAKEN_NAMES
    for name in [*TAKEN_NAMES, "Signal", "TILTS"]:
        message = fault_of(replaced(("snr", "datasets", 1, "name"), name))
        assert message.startswith(f"config: snr.datasets.1.name: '{name}' ")


@given(name=st.from_regex(r"[A-Za-z0-9]{1,16}", fullmatch=True))
def test_dataset_names_that_differ_in_case(name):
    config = replaced(("snr", "datasets", 0, "name"), name.lower())
    config["snr"]["datasets"][2]["name"] = name.upper()
    assert re.match(r"config: snr\.datasets\.\d\.name: '", fault_of(config))


def tilts(min_deg, max_deg, step_deg):
    """Configuration with other tilts."""
    tilt = {"min_deg": min_deg, "max_deg": max_deg, "step_deg": step_deg}
    tilt["left_out_fraction"] = 0.0
    return replaced(("microscope", "tilt"), tilt)


def test_tilt_step_that_misses_the_last_tilt():
    message = fault_of(tilts(-60.0, 60.0, 7.0))
    steps = re.search(r"tilt\.step_deg: .* steps of (\S+) or (\S+),", message).groups()
    assert [float(step) for step in steps] == pytest.approx([120 / 18, 120 / 17])
    for step in steps:
        check_config(tilts(-60.0, 60.0, float(step)))
    assert "steps of 20, or" in fault_of(tilts(-10, 10, 30))


@pytest.mark.parametrize(
    ("step", "steps"), [(0.01, 7), (0.1, 1200), (0.3, 400), (0.7, 171), (1.1, 101), (3, 40)]
)
def test_tilt_step_with_rounding(step, steps):
    config = check_config(tilts(-60.0, -60.0 + sum([step] * steps), step))
    assert len(config.microscope.tilt.angles_deg) == steps + 1


def test_reference_must_be_a_structure():
    with pytest.raises(ConfigError, match=r"snr\.reference_id: 1KP8 "):
        check_ids(PAPER, ["2GLS", "2AWB", "1W6T"])


@pytest.mark.parametrize(
    ("structures", "listed", "message"),
    [
        ({}, ["1KP8", "0R05"], r"resources/pdb_ids\.txt: 0R05 "),
        ({"per_tomogram": [5, 400]}, ["1KP8"], "per_tomogram: 400 .* 301 structures"),
        ({"ids": None}, [], r"complex_id: 1KP8 .*0R00 to 0T99"),
        ({"ids": None, "biological_ids": ["0R05"]}, [], r"(reference|biological)_id"),
    ],
)
def test_random_shapes_among_the_structures(structures, listed, message):
    check_ids(VARIED, ["1KP8"])
    with pytest.raises(ConfigError, match=message):
        check_ids(changed(VARIED, structures=structures), listed)


def test_no_structures_at_all():
    assert "structures.ids: null " in fault_of(
        replaced(("structures", "ids"), None)
        | {"structures": {**FULL["structures"], "ids": None, "random": None}}
    )


def test_unreadable_files(tmp_path):
    for content in ("a: [", "- 1", "\x00"):
        (tmp_path / "c.yaml").write_text(content)
        with pytest.raises(ConfigError, match=r"c\.yaml") as caught:
            load_config(tmp_path / "c.yaml")
        assert "\n" not in str(caught.value)
    with pytest.raises(ConfigError, match=r"none\.yaml"):
        load_config(tmp_path / "none.yaml")


@pytest.mark.slow
def test_snakemake_shows_the_fault(tmp_path):
    (tmp_path / "c.yaml").write_text("specimen: {particels: 10}\n")
    assert "'particels'" in fault_of_snakemake("-n", "--configfile", tmp_path / "c.yaml")
