"""Settings of simulated tomograms like those measured."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from small_workflow import REPOSITORY
from ssn3d.config.experiment import load_config
from ssn3d.core.classes import CLASSES, labels_title
from ssn3d.core.errors import ConfigError, DataError
from ssn3d.find.crowding import CROWDING
from ssn3d.find.like_them import microscope_like, snr_like, specimen_like
from ssn3d.find.simulated import simulated_section
from ssn3d.find.simulation import highest_shares, write_simulation
from ssn3d.find.snr import noise_variance
from ssn3d.io.mrc import Grid, new_sections, write_mrc
from ssn3d.measure.finish import NoiseFit
from ssn3d.microscope.settings import DatasetSettings, MicroscopeSettings
from ssn3d.specimen.settings import SpecimenSettings
from ssn3d.structures.structure import structure_from_points, write_structure

PRESETS = (REPOSITORY / "config" / f"{name}.yaml" for name in ("varied", "find"))
FIND = load_config(REPOSITORY / "config.yaml", *PRESETS)
SPECIMEN, MICROSCOPE = FIND.specimen.model_dump(), FIND.microscope.model_dump()
SHARES = dict.fromkeys(CLASSES, 0.1)
TILT_RANGE = (-60.0, 60.0)
TILTS = st.tuples(st.floats(-90, -20), st.floats(20, 90))


def measured(**changed):
    """Measurements of a tomogram in which nothing is seen, but for some values."""
    names = "slab", "thon_rings", "low_pass_angstrom", "looks_denoised", "tilts_seen_deg"
    nothing = dict.fromkeys((*names, "vacuum_fraction"))
    return {
        **nothing, "voxel_size_angstrom": 10.0, "gold": {"diameters_angstrom": []},
        "eight_bits": False, "data_fraction": 1.0, CROWDING: 0.0, **changed,
    }  # fmt: skip


def slab(thickness, about_x, about_y):
    face = {"tilt_about_x_deg": about_x, "tilt_about_y_deg": about_y}
    return {"thickness_angstrom": thickness, "bottom": face, "top": face}


def or_none(values):
    return st.none() | values


MEASURED = st.builds(
    measured,
    voxel_size_angstrom=st.floats(2, 40),
    slab=or_none(st.builds(slab, st.floats(300, 5000), st.floats(-30, 30), st.floats(-30, 30))),
    thon_rings=or_none(
        st.fixed_dictionaries({"defocus_um": st.floats(0.5, 10), "error_um": st.floats(0, 3)})
    ),
    low_pass_angstrom=or_none(st.floats(10, 200)),
    eight_bits=st.booleans(),
    gold=st.fixed_dictionaries({"diameters_angstrom": st.lists(st.floats(20, 300), max_size=5)}),
    **{CROWDING: st.floats(0, 1e5)},
)


@settings(max_examples=60)
@given(tomograms=st.lists(st.tuples(MEASURED, TILTS), min_size=1, max_size=3))
def test_all_measurements_give_valid_settings(tomograms):
    found, tilts = zip(*tomograms, strict=True)
    specimen = SpecimenSettings.model_validate(specimen_like(found, SPECIMEN, SHARES))
    microscope = MicroscopeSettings.model_validate(microscope_like(found, tilts, MICROSCOPE))
    microscope.check_specimen(specimen)
    sizes = [one["voxel_size_angstrom"] for one in found]
    assert specimen.voxel_size_angstrom >= 0.999 * max(sizes)
    ratio = specimen.voxel_size_angstrom / SPECIMEN["voxel_size_angstrom"]
    for axis, voxels in specimen.tomogram_size_voxels:
        assert voxels * ratio >= 0.999 * SPECIMEN["tomogram_size_voxels"][axis]


@given(snrs=st.lists(or_none(st.floats(1e-5, 10)), min_size=1, max_size=4))
def test_snr_is_a_valid_range(snrs):
    found = snr_like(snrs)
    if not any(snr is not None for snr in snrs):
        assert found is None
        return
    DatasetSettings(name="A", snr=found)
    assert all(found[0] <= snr <= found[1] for snr in snrs if snr and 0.01 < snr < 0.5)


def test_what_is_seen_replaces_what_is_configured():
    seen = [
        measured(slab=slab(1500.0, 2.0, -3.0), gold={"diameters_angstrom": [95.0, 105.0]}),
        measured(
            slab=slab(2000.0, 4.0, 5.0), thon_rings={"defocus_um": 3.0, "error_um": 0.1},
            low_pass_angstrom=60.0,
        ),
    ]  # fmt: skip
    specimen = specimen_like(seen, SPECIMEN, SHARES)
    assert specimen["ice"]["thickness_angstrom"] == pytest.approx([1350, 2600])
    assert specimen["ice"]["tilt_about_y_deg"] == pytest.approx([-5, 7])
    assert specimen["fiducials"]["count"] == [0, 2]
    microscope = microscope_like(seen, [(-60.0, 60.0), (-45.0, 50.0)], MICROSCOPE)
    assert microscope["tilt"]["min_deg"] == pytest.approx([-63, -42])
    assert microscope["optics"] == MICROSCOPE["optics"]  # seen in one of them only
    assert microscope["finish"]["low_pass"]["probability"] == 0.5
    assert microscope["finish"]["quantisation"] is None


def test_simulated_tomograms_are_as_crowded():
    """A region of 2 x 2 x 1 um in voxels of 10 A; its ice may be thinner."""
    region = {"region_size_voxels": {"x": 2000, "y": 2000, "z": 1000}, "ice": None}
    seen = [measured(**{CROWDING: 300.0}), measured(**{CROWDING: 600.0})]
    assert specimen_like(seen, SPECIMEN | region, SHARES)["particles"] == [800, 3600]
    thin = [one | {"slab": slab(2000.0, 0.0, 0.0)} for one in seen]
    found = specimen_like(thin, SPECIMEN | region, SHARES)
    assert np.mean(found["ice"]["thickness_angstrom"]) == pytest.approx(2200)
    assert found["particles"] == [round(800 * 0.22), round(3600 * 0.22)]
    assert specimen_like([measured()], SPECIMEN, SHARES)["particles"] == SPECIMEN["particles"]


def test_what_is_not_seen_is_not_simulated():
    shares = SHARES | {"membrane": 0.01, "filament": 0.0}
    found = specimen_like([measured(slab=slab(1500.0, 0.0, 0.0))], SPECIMEN, shares)
    absent = {"organelles", "sheets", "filaments", "fiducials"}
    assert {key for key in found if found[key] is None and SPECIMEN[key] is not None} == absent
    found = specimen_like([measured()], SPECIMEN, SHARES)
    absent = {"ice", "dirt", "carbon", "fiducials"}
    assert {key for key in found if found[key] is None and SPECIMEN[key] is not None} == absent


@pytest.mark.parametrize("classes", [CLASSES, CLASSES[:2]])
def test_shares_of_classes(tmp_path, classes):
    """A network of two classes does not see the others, which may therefore be anywhere."""
    labels = np.arange(8, dtype=np.int8).reshape(2, 2, 2) % 2
    with new_sections(
        tmp_path / "l.mrc", Grid(labels.shape, 10.0), np.int8, labels_title(classes)
    ) as file:
        file.write(labels)
    shares = highest_shares([tmp_path / "l.mrc"], [measured()])
    assert shares["membrane"] == (0 if len(classes) > 2 else 1)
    if len(classes) > 2:  # vacuum and padding are no specimen
        in_vacuum = measured(vacuum_fraction=0.4, data_fraction=0.9)
        found = highest_shares([tmp_path / "l.mrc"], [in_vacuum])["macromolecule"]
        assert found == pytest.approx(shares["macromolecule"] / 0.54)


@pytest.fixture
def files(tmp_path):
    """Return a function that writes the simulation for measurements and one target."""

    def write(found, snr, mass=8e5):
        noise = {"level": 1.0, "period_angstrom": 0.0, "relative_power_at_nyquist": 1.0}
        power = noise_variance(NoiseFit(**noise), TILT_RANGE, 12.0, 12.0)
        signal = snr and {
            "power": snr * power, "noise": noise, "tilt_range_deg": TILT_RANGE,
            "voxel_size_angstrom": 12.0,
        }  # fmt: skip
        rng = np.random.default_rng(0)
        points = rng.normal(scale=40, size=(200, 3))
        structure = structure_from_points("1KP8", points, np.full(200, mass / 200), "surrogate")
        write_structure(tmp_path / "1KP8.npz", structure)
        names = {}
        for i, one in enumerate(found):
            pair = tmp_path / f"{i}.json", tmp_path / f"{i}_seen.json"
            labels = tmp_path / f"{i}.mrc"
            write_mrc(labels, np.arange(8, dtype=np.int8).reshape(2, 2, 2) % 5, 10.0)
            for path, content in zip(pair, (one, {"signal": signal, CROWDING: 2e4}), strict=True):
                path.write_text(json.dumps(content))
            names[f"tomogram{i}"] = (*pair, labels)
        sections = {"specimen": SPECIMEN, "microscope": MICROSCOPE}
        tilts = [[-60.0, 60.0]] * len(found)
        path = tmp_path / "simulation.json"
        write_simulation(names, tilts, ([tmp_path / "1KP8.npz"], []), sections, path)
        return path

    return write


def test_simulation_is_written_and_read(files):
    path = files([measured(), measured(voxel_size_angstrom=12.0)], 0.1)
    assert simulated_section(path, "specimen", SPECIMEN)["voxel_size_angstrom"] == 12
    assert simulated_section(path, "snr", 7.0) == pytest.approx([0.1 / 1.3, 0.1 * 1.3])
    assert simulated_section(files([measured()], None), "snr", 7.0) == 7.0
    assert simulated_section(None, "specimen", SPECIMEN) is SPECIMEN


def test_denoised_tomograms_are_named(files, caplog):
    files([measured(), measured(looks_denoised=True)], 0.1)
    (warning,) = [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]
    assert warning.startswith("tomogram1 looks denoised")


def test_tilts_other_than_those_seen_are_named(files, caplog):
    files([measured(tilts_seen_deg=[-57.0, 56.0]), measured(tilts_seen_deg=[-49.0, 46.0])], 0.1)
    (warning,) = [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]
    assert warning.startswith("tomogram1: its spectrum shows tilts from -49 to 46, not from -60")


def test_targets_are_no_membrane_proteins(files):
    for mass, there in ((8e5, True), (3e5, False)):
        specimen = simulated_section(files([measured()], None, mass), "specimen", None)
        assert (specimen["membrane_proteins"] is not None) == there


def test_hopeless_searches_are_refused(files):
    with pytest.raises(ConfigError, match=r"find\.targets: 1KP8 .* above the noise"):
        files([measured()], 0.002, mass=6e4)
    with pytest.raises(DataError, match="tomogram0 has voxels of 5 A"):
        files([measured(voxel_size_angstrom=5.0), measured()], 0.1)
