"""Random numbers of each tomogram: within their ranges, seeded, independent, and recorded."""

import json
import operator

import numpy as np
import pytest

from cameras import DOSE, ERRORS, ICE, SLAB
from sections import changed, preset, section
from small_workflow import REPOSITORY
from ssn3d.core.errors import DataError
from ssn3d.core.ranges import draw, draw_count
from ssn3d.core.seeds import generator
from ssn3d.microscope.acquisition import read_acquisition, sample_acquisition, write_acquisition

REALISTIC = preset("realistic").microscope
ICE_NUMBERS = {
    "ice.thickness_angstrom": 2500.0,
    "ice.tilt_about_x_deg": 2.0,
    "ice.tilt_about_y_deg": -5.0,
}
TABLE = REPOSITORY / "resources" / "ideal_detector.csv"


def taken(tomogram="t1", seed=1, settings=REALISTIC):
    return sample_acquisition(settings, seed, tomogram, TABLE, ICE_NUMBERS)


def arrays(acquisition):
    """All values of an acquisition's tilts and alignment, by name."""
    return vars(acquisition.tilts) | vars(acquisition.alignment)


def test_numbers_of_a_range_are_equally_likely():
    assert draw_count(3, generator(0, "x")) == 3
    counts = np.bincount([draw_count([0, 2], generator(i, "x")) for i in range(900)])
    assert len(counts) == 3
    assert counts.min() > 240


def test_draw():
    assert draw(3.5, generator(0, "x")) == 3.5
    drawn = [draw([2.0, 4.0], generator(i, "x")) for i in range(400)]
    assert 2 <= min(drawn) < 2.05
    assert 3.95 < max(drawn) < 4
    assert np.mean(drawn) == pytest.approx(3, abs=0.1)


def test_numbers_are_drawn_per_tomogram():
    one, again, other = taken(), taken(), taken("t2")
    assert one.numbers == again.numbers
    assert set(one.numbers) == {
        *(f"tilt.{key}" for key in ("min_deg", "max_deg", "step_deg", "left_out_fraction")),
        "reconstruction.soft_cutoff_cycles_per_pixel",
        "reconstruction.soft_falloff_cycles_per_pixel",
        "reconstruction.sirt_iterations",
        "defocus_error_um",
        "optics.defocus_um",
        "optics.defocus_sd_um",
        "dose.total_e_per_angstrom2",
        *ICE_NUMBERS,
        *(f"alignment_errors.{key}" for key in ERRORS),
    }
    differ = {key for key, value in one.numbers.items() if other.numbers[key] != value}
    assert differ == {
        "optics.defocus_um",
        "dose.total_e_per_angstrom2",
        *(f"alignment_errors.{key}" for key in ERRORS),
    }
    for key, value in one.numbers.items() - ICE_NUMBERS.items():
        bounds = operator.attrgetter(key)(REALISTIC)
        assert value == bounds if isinstance(bounds, float) else bounds[0] < value < bounds[1]


def test_tilts_follow_numbers():
    one = taken()
    tilts, numbers = one.tilts, one.numbers
    assert tilts.dose_e_per_angstrom2.sum() == pytest.approx(numbers["dose.total_e_per_angstrom2"])
    assert tilts.defocus_um.mean() == pytest.approx(numbers["optics.defocus_um"], abs=0.04)
    assert tilts.defocus_um.std() == pytest.approx(0.1, rel=0.2)
    stretch = 1 / np.cos(np.deg2rad(2)) / np.cos(np.deg2rad(-60 - 5))
    assert tilts.noise_variance_after_ctf[0] == pytest.approx(np.exp(2500 / 3950 * (stretch - 1)))
    axis = numbers["alignment_errors.axis_rotation_deg"]
    assert one.alignment.rotations_deg.mean() == pytest.approx(axis, abs=0.05)


@pytest.mark.parametrize("off", ["dose", "ice", "alignment_errors"])
def test_options_are_independent(off):
    whole, without = taken(), taken(settings=REALISTIC.model_copy(update={off: None}))
    for key, value in without.numbers.items():
        assert whole.numbers[key] == value
    np.testing.assert_array_equal(whole.tilts.defocus_um, without.tilts.defocus_um)
    same_errors = np.array_equal(whole.alignment.shifts_angstrom, without.alignment.shifts_angstrom)
    assert same_errors == (off != "alignment_errors")


def test_tilts_are_drawn():
    tilt = {"min_deg": [-65.0, -40.0], "max_deg": [40.0, 65.0], "step_deg": [1.0, 3.0]}
    series = [taken(f"t{i}", settings=changed(REALISTIC, tilt=tilt)) for i in range(30)]
    for one in series:
        low, high, step = (one.numbers[f"tilt.{key}"] for key in tilt)
        angles = one.tilts.angle_deg
        assert angles[0] == low
        assert high - step < angles[-1] <= high
        np.testing.assert_allclose(np.diff(angles), step)
    assert len({len(one.tilts.angle_deg) for one in series}) > 10


@pytest.mark.parametrize(("fraction", "left"), [(0.2, 97), (0.9, 12), (0.0, 121)])
def test_tilts_left_out(fraction, left):
    """What is known of the others does not change."""
    whole = taken()
    some = taken(settings=changed(REALISTIC, tilt={"left_out_fraction": fraction}))
    kept = np.searchsorted(whole.tilts.angle_deg, some.tilts.angle_deg)
    assert len(kept) == left
    assert fraction == 0 or np.ptp(np.diff(kept)) > 0
    np.testing.assert_equal(arrays(some), {key: all_[kept] for key, all_ in arrays(whole).items()})


def test_options_are_drawn():
    options = {"ctf_correction": ["none", "phase_flip"], "defocus_error_um": 0.2}
    settings = changed(REALISTIC, **options, reconstruction={"dose_weighting": [False, True]})
    series = [taken(f"t{i}", settings=settings) for i in range(40)]
    found = {tuple(one.choices.values()) for one in series}
    assert found == {(c, "ramp", w) for c in options["ctf_correction"] for w in (False, True)}
    errors = [one.tilts.corrected_defocus_um - one.tilts.defocus_um for one in series]
    assert np.std(errors) == pytest.approx(0.2, rel=0.05)


def test_noise_by_ice_needs_ice():
    with pytest.raises(DataError, match=r"microscope\.ice: the specimen has no ice; give specimen"):
        sample_acquisition(section("microscope", ice=ICE), 1, "t1")


def test_nothing_is_drawn_without_options():
    one, other = (sample_acquisition(section("microscope"), 1, name) for name in ("t1", "t2"))
    np.testing.assert_equal(arrays(one), arrays(other))
    assert set(one.tilts.defocus_um) == {5.0}
    assert not one.alignment.shifts_angstrom.any()


def test_what_is_written_is_read_again(tmp_path):
    one, file = taken(), tmp_path / "acquisition.json"
    write_acquisition(file, one, REALISTIC, 1)
    again = read_acquisition(file)
    assert again.numbers == one.numbers
    np.testing.assert_equal(arrays(again), arrays(one))
    np.testing.assert_equal(vars(again.detector_table), vars(one.detector_table))
    record = json.loads(file.read_text())
    assert record["provenance"]["seed"] == 1
    assert record["provenance"]["settings"]["dose"]["order"] == "dose-symmetric"
    plain = sample_acquisition(section("microscope", dose=DOSE, ice=ICE), 1, "t1", ice=SLAB)
    write_acquisition(file, plain, REALISTIC, 1)
    assert read_acquisition(file).detector_table is None


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda content: content["tilts"].pop("defocus_um"), "damaged"),
        (lambda content: content["tilts"].update(defocus_um=["x"]), "damaged"),
        (lambda content: content["tilts"].update(defocus_um=5.0), "damaged"),
        (lambda content: content.update(tilts=3), "damaged"),
        (lambda content: content.pop("alignment"), "lacks alignment"),
        (
            lambda content: content["tilts"]["defocus_um"].pop(),
            "damaged .tables of different lengths",
        ),
    ],
)
def test_damaged_acquisitions(tmp_path, change, fault):
    file = tmp_path / "acquisition.json"
    write_acquisition(file, taken(), REALISTIC, 1)
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))
    with pytest.raises(DataError, match=rf"acquisition\.json: .*{fault}.* rerun") as caught:
        read_acquisition(file)
    assert "\n" not in str(caught.value)
